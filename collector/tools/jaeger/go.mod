// Pins Jaeger, whose module holds the code of Jaeger v2 in cmd/jaeger. Built by `groundhog stack build`.
module groundhog-otel/tools/jaeger

go 1.24.6

require github.com/jaegertracing/jaeger v1.76.0

// Jaeger's own replacement, which a dependent module has to repeat.
replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0
