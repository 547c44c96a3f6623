package filestorage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const chunkSize = 1 << 20 // bytes of values in one transaction: a larger one would double the memory that they take

// client is a storage client that holds in memory what its disk does not take. While it holds anything, everything new is
// held too, so that the disk never has a later change without an earlier one.
//
// It has no bound of its own. The queue that uses it has one, and the Collector's memory limiter refuses new data, with
// an answer that senders retry, before memory runs out.
type client struct {
	disk   storage.Client
	logger *zap.Logger
	bytes  *atomic.Int64
	again  time.Duration // between attempts to write what is held

	mu      sync.Mutex
	holding bool
	held    map[string]change
	batches uint64
	timer   *time.Timer
	closed  bool
}

// change is the last thing that happened to a key since the disk stopped taking changes.
type change struct {
	batch   uint64 // in which it happened
	value   []byte
	deleted bool
	onDisk  bool // a value is there, or may be
}

// unread is what an operation has for a value until the disk has looked for one.
var unread = []byte{0}

func newClient(disk storage.Client, logger *zap.Logger, bytes *atomic.Int64) *client {
	return &client{disk: disk, logger: logger, bytes: bytes, again: time.Second, held: map[string]change{}}
}

// Get returns the value of a key, nil if there is none.
func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := c.Batch(ctx, op)
	return op.Value, err
}

// Set stores a value.
func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

// Delete removes a key.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

// Batch does all operations or none. It fails only where the disk cannot be read, its file has reached the size that the
// configuration allows it, or the client is closed.
func (c *client) Batch(ctx context.Context, ops ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		err := c.disk.Batch(ctx, ops...)
		if err == nil || c.closed || errors.Is(err, storage.ErrStorageFull) {
			return err
		}
		if read := c.hold(ctx, ops); read != nil {
			return err
		}
		c.logger.Error("The disk does not take what is stored: it is held in memory until it does", zap.Error(err))
		c.holding = true
		c.timer = time.AfterFunc(c.again, c.retry)
		return nil
	}
	return c.hold(ctx, ops)
}

// hold does the operations in memory, on what is held and, for keys that are not, on what the disk has.
func (c *client) hold(ctx context.Context, ops []*storage.Operation) error {
	var elsewhere []string
	for _, op := range ops {
		if !valid(op) {
			return errors.New("not an operation that a disk could do")
		}
		if _, known := c.held[op.Key]; !known {
			elsewhere = append(elsewhere, op.Key)
		}
	}
	onDisk, err := c.read(ctx, elsewhere)
	if err != nil {
		return err
	}
	c.batches++
	for _, op := range ops {
		last, known := c.held[op.Key]
		there := last.onDisk || onDisk[op.Key] != nil
		switch op.Type {
		case storage.Get:
			op.Value = onDisk[op.Key]
			if known {
				op.Value = bytes.Clone(last.value)
			}
		case storage.Set:
			c.put(op.Key, change{batch: c.batches, value: append([]byte{}, op.Value...), onDisk: there})
		case storage.Delete:
			c.forget(op.Key)
			if there {
				c.put(op.Key, change{batch: c.batches, deleted: true, onDisk: true})
			}
		}
	}
	return nil
}

// valid says whether an operation can succeed at all: one that cannot must not be tried for ever.
func valid(op *storage.Operation) bool {
	known := op.Type == storage.Get || op.Type == storage.Set || op.Type == storage.Delete
	return known && op.Key != "" && len(op.Key) <= bbolt.MaxKeySize && len(op.Value) <= bbolt.MaxValueSize
}

// read returns what the disk has for keys.
//
// The original reads in a transaction that ends with a write, if only of one page that is there already. On a file system
// that never writes in place, a full disk refuses that as well; everything has been read by then.
func (c *client) read(ctx context.Context, keys []string) (map[string][]byte, error) {
	found := make(map[string][]byte, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	gets := make([]*storage.Operation, len(keys))
	for number, key := range keys {
		gets[number] = &storage.Operation{Type: storage.Get, Key: key, Value: unread}
	}
	err := c.disk.Batch(ctx, gets...)
	for _, get := range gets {
		if err != nil && len(get.Value) > 0 && &get.Value[0] == &unread[0] {
			return nil, err
		}
		found[get.Key] = get.Value
	}
	return found, nil
}

func (c *client) put(key string, now change) {
	c.forget(key)
	c.held[key] = now
	c.bytes.Add(int64(len(key) + len(now.value)))
}

func (c *client) forget(key string) {
	if last, known := c.held[key]; known {
		c.bytes.Add(-int64(len(key) + len(last.value)))
		delete(c.held, key)
	}
}

// retry is called by the timer.
func (c *client) retry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	started := time.Now()
	if c.write(context.Background()) != nil {
		c.timer.Reset(max(c.again, 10*time.Since(started)))
		return
	}
	c.holding = false
	c.logger.Info("The disk has taken what was held in memory")
}

// write moves what is held to the disk, in the order in which it was last changed, as far as the disk takes it. Whatever
// changes with every batch, as an index of what is stored, therefore comes last: it never names what is not there.
//
// A disk that does not take much may still take little, and deleting a little makes room for more.
func (c *client) write(ctx context.Context) error {
	keys := make([]string, 0, len(c.held))
	for key := range c.held {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(c.held[a].batch, c.held[b].batch) })
	for most := len(keys); len(keys) > 0; {
		some := c.chunk(keys, most)
		err := c.disk.Batch(ctx, c.operations(some)...)
		switch {
		case err == nil:
			for _, key := range some {
				c.forget(key)
			}
			keys = keys[len(some):]
		case c.held[some[0]].batch == c.held[some[len(some)-1]].batch:
			c.lookFor(ctx, some)
			return err
		default:
			c.lookFor(ctx, some)
			most = len(some) / 8
		}
	}
	return nil
}

// chunk returns the first keys, in whole batches: as many as are wanted, but one batch at least.
func (c *client) chunk(keys []string, most int) []string {
	size, batch := 0, c.held[keys[0]].batch
	for number, key := range keys {
		now := c.held[key]
		if now.batch != batch && (number >= most || size >= chunkSize) {
			return keys[:number]
		}
		size += len(now.value)
		batch = now.batch
	}
	return keys
}

func (c *client) operations(keys []string) []*storage.Operation {
	ops := make([]*storage.Operation, len(keys))
	for number, key := range keys {
		ops[number] = storage.DeleteOperation(key)
		if now := c.held[key]; !now.deleted {
			ops[number] = storage.SetOperation(key, now.value)
		}
	}
	return ops
}

// lookFor notes which keys the disk has after a failure: one that comes at the end, as of fsync, may follow the writing.
func (c *client) lookFor(ctx context.Context, keys []string) {
	onDisk, err := c.read(ctx, keys)
	for _, key := range keys {
		now := c.held[key]
		now.onDisk = now.onDisk || err != nil || onDisk[key] != nil
		c.held[key] = now
	}
}

// Close writes what is held, if the disk takes it by now, and says so if it does not.
func (c *client) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holding && !c.closed {
		c.timer.Stop()
		if err := c.write(ctx); err != nil {
			lost := zap.Int("changes", len(c.held))
			c.logger.Error("The disk still does not take what was held in memory: it is lost", lost, zap.Error(err))
		}
		for key := range c.held {
			c.forget(key)
		}
		c.holding = false
	}
	c.closed = true
	return c.disk.Close(ctx)
}
