// Pins Prometheus 3 and promtool. Built by `groundhog stack build`.
module groundhog-otel/tools/prometheus

go 1.26.7

require github.com/prometheus/prometheus v0.316.0
