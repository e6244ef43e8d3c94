// Package v4 holds what the provider reads of a chart's arguments.
package v4

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// PostRenderer is a program that changes what Helm has rendered.
type PostRenderer struct {
	Args    []string `pulumi:"args"`
	Command string   `pulumi:"command"`
}

// RepositoryOpts say where a chart comes from.
type RepositoryOpts struct {
	CaFile   pulumi.AssetOrArchive `pulumi:"caFile"`
	CertFile pulumi.AssetOrArchive `pulumi:"certFile"`
	KeyFile  pulumi.AssetOrArchive `pulumi:"keyFile"`
	Password *string               `pulumi:"password"`
	Repo     *string               `pulumi:"repo"`
	Username *string               `pulumi:"username"`
}

// PostRendererInput is a PostRenderer that may not be known yet.
type PostRendererInput interface{ pulumi.Input }

// RepositoryOptsInput are RepositoryOpts that may not be known yet.
type RepositoryOptsInput interface{ pulumi.Input }
