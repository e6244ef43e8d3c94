// Package kubernetes stands in for Pulumi's Go SDK, whose hundred packages take longer to compile
// than all the rest. The provider uses these few names of it, and only for its components Chart and
// ConfigGroup, which nobody here asks for.
package kubernetes

import "reflect"

// UntypedArgs are the properties of an object as they are.
type UntypedArgs map[string]any

// ElementType makes it a pulumi.Input.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
