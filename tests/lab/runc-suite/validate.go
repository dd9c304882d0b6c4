// validate SCHEMA DOCUMENT: whether a JSON document is as the schema says. Stands for the runtime specification's own
// program of that name, which Debian does not package.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/xeipuuv/gojsonschema"
)

func reference(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return "file://" + absolute
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: validate SCHEMA DOCUMENT")
		os.Exit(2)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewReferenceLoader(reference(os.Args[1])),
		gojsonschema.NewReferenceLoader(reference(os.Args[2])))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, problem := range result.Errors() {
		fmt.Println(problem)
	}
	if !result.Valid() {
		os.Exit(1)
	}
}
