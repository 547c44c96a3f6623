// What Jaeger itself makes the critical path of traces: a line of OTLP JSON in, a line with the sections out. The package
// that it asks is internal to Jaeger, so it is compiled inside a checkout of Jaeger, by jaeger/__init__.py.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/jaegertracing/jaeger/cmd/jaeger/internal/extension/jaegerquery/internal/mcptools/internal/criticalpath"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(lines.Bytes())
		if err != nil {
			log.Fatal(err)
		}
		sections, err := criticalpath.ComputeCriticalPathFromTraces(traces)
		if err != nil {
			log.Fatal(err)
		}
		if err := answers.Encode(sections); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
