// Package v2 registers the objects of a ConfigGroup.
package v2

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource refuses: this provider was built without the components.
func RegisterResource(
	*pulumi.Context, string, string, string, pulumi.Input, ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	return nil, errors.New("this provider was built without ConfigGroup and Chart")
}
