// Builds kustomizations and looks at each object as a Kubernetes API server would: built-in kinds by their types,
// without a field that those do not have; custom ones by the schemas of their CustomResourceDefinitions.
//
// Usage: kubernetes CRD_FOLDER KUSTOMIZATION…
// Prints the objects as one JSON list for each kustomization, and every problem on standard error; then the exit code is 1.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	runtimejson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// A check returns the problems of one object.
type check func(object map[string]any) []string

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: kubernetes CRD_FOLDER KUSTOMIZATION…")
	}
	custom, err := customKinds(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	bad := false
	for _, folder := range os.Args[2:] {
		objects, err := build(folder)
		if err != nil {
			log.Fatal(err)
		}
		for _, object := range objects {
			look, found := custom[fmt.Sprintf("%v %v", object["apiVersion"], object["kind"])]
			if !found {
				look = builtIn
			}
			for _, problem := range look(object) {
				bad = true
				fmt.Fprintf(os.Stderr, "%s: %v %v: %s\n", folder, object["kind"], name(object), problem)
			}
		}
		if err := json.NewEncoder(os.Stdout).Encode(objects); err != nil {
			log.Fatal(err)
		}
	}
	if bad {
		os.Exit(1)
	}
}

// build runs kustomize as `kubectl kustomize --load-restrictor LoadRestrictionsNone` does.
func build(folder string) ([]map[string]any, error) {
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	found, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	objects := []map[string]any{}
	for _, resource := range found.Resources() {
		object, err := resource.Map()
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func name(object map[string]any) any {
	metadata, _ := object["metadata"].(map[string]any)
	return metadata["name"]
}

func builtIn(object map[string]any) []string {
	text, err := json.Marshal(object)
	if err != nil {
		return []string{err.Error()}
	}
	strict := runtimejson.NewSerializerWithOptions(
		runtimejson.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, runtimejson.SerializerOptions{Strict: true})
	if _, _, err := strict.Decode(text, nil, nil); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// customKinds returns a check for every served version of every definition in a folder.
func customKinds(folder string) (map[string]check, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no definitions in %s", folder)
	}
	found := map[string]check{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition v1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, version := range definition.Spec.Versions {
			look, err := bySchema(version.Schema.OpenAPIV3Schema)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			found[definition.Spec.Group+"/"+version.Name+" "+definition.Spec.Names.Kind] = look
		}
	}
	return found, nil
}

func bySchema(given *v1.JSONSchemaProps) (check, error) {
	var internal apiextensions.JSONSchemaProps
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(given, &internal, nil); err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		return nil, err
	}
	return func(object map[string]any) []string {
		problems := []string{}
		for _, problem := range validation.ValidateCustomResource(nil, object, validator) {
			problems = append(problems, problem.Error())
		}
		// The server drops what a schema does not have; whoever wrote it meant something.
		dropped := pruning.PruneWithOptions(
			object, structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
		if len(dropped) > 0 {
			problems = append(problems, "unknown: "+strings.Join(dropped, ", "))
		}
		return problems
	}, nil
}
