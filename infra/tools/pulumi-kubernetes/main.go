// The provider of Pulumi for Kubernetes. Its own main package embeds a file that its build
// generates and its module lacks: the schema, which only those who generate code ask for.
package main

import (
	"fmt"
	"os"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(version.Version)
		return
	}
	schema := []byte(`{"name": "kubernetes", "version": "` + version.Version + `"}`)
	provider.Serve("kubernetes", version.Version, schema, []byte(`{}`))
}
