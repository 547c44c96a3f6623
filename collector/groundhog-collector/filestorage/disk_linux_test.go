package filestorage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
)

var owner = component.MustNewID("otlp_grpc")

// opened returns a client of the real storage.
func opened(t *testing.T, folder string) *client {
	t.Helper()
	config := filestorage.NewFactory().CreateDefaultConfig().(*filestorage.Config)
	config.Directory = folder
	set := extension.Settings{
		ID: component.MustNewID("file_storage"),
		TelemetrySettings: component.TelemetrySettings{
			Logger: zap.NewNop(), MeterProvider: noop.NewMeterProvider(),
		},
	}
	made, err := NewFactory().Create(context.Background(), set, config)
	must(t, err)
	got, err := made.(storage.Extension).GetClient(context.Background(), component.KindExporter, owner, "traces")
	must(t, err)
	return got.(*client)
}

// limit makes writes fail from a place in any file on, as a full disk does; at 0 those to what is there already as well,
// as on a file system that never writes in place.
func limit(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}))
	return func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
}

func TestTheRealStorageOnADiskThatIsFull(t *testing.T) {
	if os.Getenv("LIMITED") == "" { // in a process of its own: a limit is the whole process's, and go test has files of its own
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), "LIMITED=yes")
		if said, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", said, err)
		}
		return
	}
	for _, size := range []uint64{0, 64 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			ctx, folder := context.Background(), t.TempDir()
			c := opened(t, folder)
			c.again = 1 << 62
			must(t, c.Set(ctx, "before", []byte("1")))
			must(t, c.Set(ctx, "gone", []byte("1")))
			lift := limit(t, size)
			t.Cleanup(lift)
			value := make([]byte, 8<<10)
			for item := range 100 {
				must(t, c.Set(ctx, fmt.Sprint(item), value))
			}
			must(t, c.Delete(ctx, "gone"))
			c.retry()
			if !c.holding || c.bytes.Load() < 50*int64(len(value)) {
				t.Fatalf("%d bytes are held: the disk was not full", c.bytes.Load())
			}
			check := func(c *client) {
				t.Helper()
				if get(t, c, "before") != "1" || get(t, c, "gone") != "nothing" {
					t.Fatal("what was there is not as it was left")
				}
				for item := range 100 {
					if len(get(t, c, fmt.Sprint(item))) != len(value) {
						t.Fatalf("%d is lost", item)
					}
				}
			}
			check(c)
			lift()
			c.retry()
			if c.holding || c.bytes.Load() != 0 {
				t.Fatal("still held")
			}
			check(c)
			must(t, c.Close(ctx))
			again := opened(t, folder)
			check(again)
			must(t, again.Close(ctx))
		})
	}
}
