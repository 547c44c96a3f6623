// A Kafka broker in one process, in memory, for tests: kfake speaks the real protocol, and keeps no promise of Kafka's
// about disks or replicas.
//
// Usage: kafka TOPIC PARTITIONS. Prints the address that it listens on, and ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: kafka TOPIC PARTITIONS")
	}
	partitions, err := strconv.ParseInt(os.Args[2], 10, 32)
	if err != nil {
		log.Fatalf("PARTITIONS is not a number: %v", err)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(partitions), os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	fmt.Println(cluster.ListenAddrs()[0])
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		log.Fatal(err)
	}
}
