// Package filestorage is the file_storage of OpenTelemetry's contributed components, made to outlast a full disk: what the
// disk does not take is held in memory, and written as soon as it does. Name and settings are the original's, so a
// configuration serves both.
package filestorage

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	original := filestorage.NewFactory()
	create := func(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
		made, err := original.Create(ctx, set, cfg)
		if err != nil {
			return nil, err
		}
		return wrap(made, set)
	}
	return extension.NewFactory(original.Type(), original.CreateDefaultConfig, create, original.Stability())
}

// patient hands out the original's clients, each with a memory of what could not be written.
type patient struct {
	storage.Extension
	logger *zap.Logger
	held   atomic.Int64
}

func wrap(made extension.Extension, set extension.Settings) (extension.Extension, error) {
	disk, ok := made.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("%T is not a storage", made)
	}
	ext := &patient{Extension: disk, logger: set.Logger}
	of := metric.WithAttributes(attribute.String("storage", set.ID.String()))
	// Named as the Collector's own are: Prometheus 3 takes names as they come, and dots would have to be quoted.
	_, err := set.MeterProvider.Meter("groundhog-otel.invalid/collector/filestorage").Int64ObservableGauge(
		"groundhog_collector_storage_held",
		metric.WithUnit("By"),
		metric.WithDescription("What is held in memory because the disk does not take it."),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(ext.held.Load(), of)
			return nil
		}),
	)
	return ext, err
}

// GetClient returns the original's client, wrapped.
func (ext *patient) GetClient(
	ctx context.Context, kind component.Kind, owner component.ID, name string,
) (storage.Client, error) {
	disk, err := ext.Extension.GetClient(ctx, kind, owner, name)
	if err != nil {
		return nil, err
	}
	return newClient(disk, ext.logger.With(zap.String("owner", owner.String())), &ext.held), nil
}
