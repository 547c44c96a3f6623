package filestorage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// disk is a storage that can be full: then it takes batches that only read.
type disk struct {
	has    map[string]string
	full   bool
	closed bool
	room   int  // while above zero, batches that it takes before it is full again
	most   int  // unless zero, changes in a batch that it takes
	late   bool // it says that it is full after it has done what it was asked
	strict bool // it cannot end a batch that reads either
}

var errFull = errors.New("no space left on device")

func (d *disk) Batch(_ context.Context, ops ...*storage.Operation) error {
	changes := 0
	for _, op := range ops {
		if op.Type != storage.Get {
			changes++
		}
	}
	refused := d.most > 0 && changes > d.most
	if changes > 0 && d.full {
		refused = refused || d.room == 0
		d.room = max(0, d.room-1)
	}
	if refused && !d.late {
		return errFull
	}
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = nil
			if value, ok := d.has[op.Key]; ok {
				op.Value = []byte(value)
			}
		case storage.Set:
			d.has[op.Key] = string(op.Value)
		case storage.Delete:
			delete(d.has, op.Key)
		}
	}
	if refused || d.full && d.strict && changes == 0 {
		return errFull
	}
	return nil
}

func (d *disk) Get(context.Context, string) ([]byte, error) { panic("not used") }
func (d *disk) Set(context.Context, string, []byte) error   { panic("not used") }
func (d *disk) Delete(context.Context, string) error        { panic("not used") }
func (d *disk) Close(context.Context) error                 { d.closed = true; return nil }

func made() (*client, *disk) {
	d := &disk{has: map[string]string{}}
	c := newClient(d, zap.NewNop(), &atomic.Int64{})
	c.again = time.Hour // tests say when
	return c, d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c *client, key string) string {
	t.Helper()
	value, err := c.Get(context.Background(), key)
	must(t, err)
	if value == nil {
		return "nothing"
	}
	return string(value)
}

func TestADiskWithRoomIsAllThereIs(t *testing.T) {
	c, d := made()
	must(t, c.Set(context.Background(), "a", []byte("1")))
	if d.has["a"] != "1" || c.holding || c.bytes.Load() != 0 {
		t.Fatal("something was held")
	}
}

func TestWhatAFullDiskDoesNotTakeIsThereAndIsWrittenLater(t *testing.T) {
	ctx := context.Background()
	c, d := made()
	must(t, c.Set(ctx, "old", []byte("1")))
	must(t, c.Set(ctx, "gone", []byte("1")))
	d.full = true
	must(t, c.Set(ctx, "new", []byte("2")))
	must(t, c.Set(ctx, "empty", nil))
	must(t, c.Delete(ctx, "gone"))
	must(t, c.Set(ctx, "passing", []byte("3")))
	must(t, c.Delete(ctx, "passing"))
	for key, want := range map[string]string{"old": "1", "new": "2", "empty": "", "gone": "nothing", "passing": "nothing"} {
		if found := get(t, c, key); found != want {
			t.Fatalf("%s is %q, not %q", key, found, want)
		}
	}
	if _, held := c.held["passing"]; held {
		t.Fatal("what came and went is still held")
	}
	if c.bytes.Load() != int64(len("new2"+"empty"+"gone")) {
		t.Fatalf("%d bytes", c.bytes.Load())
	}
	d.full = false
	c.retry()
	if want := map[string]string{"old": "1", "new": "2", "empty": ""}; !maps.Equal(d.has, want) {
		t.Fatalf("%v", d.has)
	}
	if c.holding || c.bytes.Load() != 0 {
		t.Fatal("still held")
	}
}

func TestItIsWrittenWithoutBeingAsked(t *testing.T) {
	c, d := made()
	c.again = time.Millisecond
	d.full = true
	must(t, c.Set(context.Background(), "a", []byte("1")))
	c.mu.Lock()
	d.full = false
	c.mu.Unlock()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		done := !c.holding
		c.mu.Unlock()
		if done {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody tried again")
		}
	}
	if d.has["a"] != "1" {
		t.Fatal("lost")
	}
}

func TestAnIndexIsWrittenAfterWhatItNames(t *testing.T) {
	ctx := context.Background()
	c, d := made()
	d.full = true
	large := make([]byte, chunkSize)
	for item := range 5 {
		must(t, c.Batch(ctx,
			storage.SetOperation("index", fmt.Appendf(nil, "%d", item+1)),
			storage.SetOperation(fmt.Sprint(item), large)))
	}
	d.room = 3
	c.retry()
	if _, early := d.has["index"]; early || len(d.has) != 3 || !c.holding {
		t.Fatalf("%d are on the disk", len(d.has))
	}
	if got := get(t, c, "index"); got != "5" {
		t.Fatal(got)
	}
	d.full = false
	must(t, c.Close(ctx))
	if len(d.has) != 6 || d.has["index"] != "5" || !d.closed || c.bytes.Load() != 0 {
		t.Fatal("Close does not write all")
	}
}

func TestADiskThatTakesLittleIsGivenLittle(t *testing.T) {
	ctx := context.Background()
	c, d := made()
	d.full = true
	for item := range 100 {
		must(t, c.Batch(ctx, storage.SetOperation("index", nil), storage.SetOperation(fmt.Sprint(item), nil)))
	}
	d.full, d.most = false, 1
	c.retry()
	if len(d.has) != 99 || !c.holding {
		t.Fatalf("%d are on the disk, and the last batch has two changes", len(d.has))
	}
	d.most = 2
	c.retry()
	if len(d.has) != 101 || c.holding {
		t.Fatalf("%d are on the disk", len(d.has))
	}
}

func TestADiskThatCannotEvenEndAReadIsRead(t *testing.T) {
	ctx := context.Background()
	c, d := made()
	must(t, c.Set(ctx, "old", []byte("1")))
	d.full, d.strict = true, true
	must(t, c.Batch(ctx, storage.SetOperation("new", []byte("2")), storage.DeleteOperation("none")))
	if get(t, c, "old") != "1" || get(t, c, "new") != "2" || get(t, c, "none") != "nothing" {
		t.Fatal("not read")
	}
	if len(c.held) != 1 {
		t.Fatal("it was not known what is on the disk")
	}
}

func TestADiskThatIsClosedIsNotSaidToBeEmpty(t *testing.T) {
	c := newClient(&away{}, zap.NewNop(), &atomic.Int64{})
	if _, err := c.Get(context.Background(), "a"); !errors.Is(err, errFull) || c.holding {
		t.Fatal(err)
	}
}

type away struct{ disk }

func (*away) Batch(context.Context, ...*storage.Operation) error { return errFull }

func TestAfterCloseNothingIsHeld(t *testing.T) {
	c, d := made()
	d.full = true
	must(t, c.Set(context.Background(), "a", []byte("1")))
	must(t, c.Close(context.Background()))
	if err := c.Set(context.Background(), "b", nil); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	c.retry()
	if len(d.has) != 0 || c.bytes.Load() != 0 {
		t.Fatal("written after Close")
	}
}

func TestWhatIsWrongIsNotHeld(t *testing.T) {
	c, d := made()
	d.full = true
	for _, op := range []*storage.Operation{
		storage.SetOperation("", []byte("1")), storage.SetOperation(strings.Repeat("k", 32769), nil), {Type: 9, Key: "a"},
	} {
		if c.Batch(context.Background(), op) == nil {
			t.Fatal("taken")
		}
	}
	if c.holding || len(c.held) != 0 {
		t.Fatal("held")
	}
}

func TestASizeThatIsSetStaysALimit(t *testing.T) {
	c := newClient(&limited{}, zap.NewNop(), &atomic.Int64{})
	if err := c.Set(context.Background(), "a", nil); !errors.Is(err, storage.ErrStorageFull) || c.holding {
		t.Fatal(err)
	}
}

type limited struct{ disk }

func (*limited) Batch(context.Context, ...*storage.Operation) error { return storage.ErrStorageFull }

// A disk that fills and empties at random must not be told from a map, and be the map in the end.
func TestItIsAMapWhateverTheDiskDoes(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		c, d := made()
		model := map[string]string{}
		for step := range 200 {
			d.full, d.room, d.most = random.IntN(3) > 0, random.IntN(2), random.IntN(3)*2
			d.late, d.strict = seed%2 == 1 && random.IntN(4) == 0, random.IntN(4) == 0
			if random.IntN(10) == 0 {
				c.retry()
			}
			var ops []*storage.Operation
			want := map[*storage.Operation]string{}
			keys := random.Perm(8)
			for place := range 1 + random.IntN(4) {
				key := fmt.Sprint("key", keys[place])
				if seed%2 == 0 { // one key twice in a batch
					key = fmt.Sprint("key", random.IntN(8))
				}
				switch random.IntN(3) {
				case 0:
					ops = append(ops, storage.SetOperation(key, fmt.Appendf(nil, "%d", step)))
					model[key] = fmt.Sprint(step)
				case 1:
					ops = append(ops, storage.DeleteOperation(key))
					delete(model, key)
				case 2:
					op := storage.GetOperation(key)
					ops = append(ops, op)
					if value, ok := model[key]; ok {
						want[op] = value
					}
				}
			}
			must(t, c.Batch(ctx, ops...))
			for _, op := range ops {
				if op.Type == storage.Get && (string(op.Value) != want[op] || (op.Value == nil) != (want[op] == "")) {
					t.Fatalf("seed %d: %s is %q, not %q", seed, op.Key, op.Value, want[op])
				}
			}
		}
		d.full, d.most = false, 0
		must(t, c.Close(ctx))
		if !maps.Equal(d.has, model) || c.bytes.Load() != 0 {
			t.Fatalf("seed %d: %v is not %v", seed, d.has, model)
		}
	}
}

// What the Collector's queue does: an index names what is there, and each change of what is there changes the index. If it
// is killed at any moment, whatever the index on the disk names is on the disk, unless it was done with.
func TestAQueueIsWholeOnTheDiskAtEveryMoment(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		c, d := made()
		first, next, done := 0, 0, map[string]bool{}
		for range 300 {
			d.full, d.room, d.most = random.IntN(3) > 0, random.IntN(2), random.IntN(3)*2
			if random.IntN(5) == 0 {
				c.retry()
			}
			if random.IntN(2) == 0 || first == next {
				next++
				must(t, c.Batch(ctx,
					storage.SetOperation("index", fmt.Appendf(nil, "%d %d", first, next)),
					storage.SetOperation(fmt.Sprint(next-1), make([]byte, random.IntN(chunkSize/4)))))
			} else {
				item := storage.GetOperation(fmt.Sprint(first))
				first++
				index := storage.SetOperation("index", fmt.Appendf(nil, "%d %d", first, next))
				must(t, c.Batch(ctx, index, item))
				if item.Value == nil {
					t.Fatalf("seed %d: %s is lost", seed, item.Key)
				}
				must(t, c.Batch(ctx, index, storage.DeleteOperation(item.Key)))
				done[item.Key] = true
			}
			var from, to int
			_, _ = fmt.Sscan(d.has["index"], &from, &to)
			for item := from; item < to; item++ {
				if _, there := d.has[fmt.Sprint(item)]; !there && !done[fmt.Sprint(item)] {
					t.Fatalf("seed %d: the index names %d, which is not there", seed, item)
				}
			}
		}
	}
}
