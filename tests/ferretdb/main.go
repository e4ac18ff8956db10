// A throw-away server for tests that speaks MongoDB's protocol: FerretDB on SQLite files, on a free port of 127.0.0.1.
// Usage: server DIRECTORY. It prints "URI VERSION" once it answers, and ends, removing DIRECTORY, when stdin is closed.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"github.com/FerretDB/wire/wireclient"
)

func main() {
	directory := os.Args[1]
	// the files die with the tests, so no write waits for the disk
	files := url.URL{Scheme: "file", OmitHost: true, Path: directory + "/", RawQuery: "_pragma=synchronous(off)"}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := ferretdb.New(&ferretdb.Config{ // embedded, FerretDB has no telemetry and opens no other port
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    logger,
		Handler:   "sqlite",
		SQLiteURL: files.String(),
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal("FerretDB stopped: ", server.Run(context.Background())) }()

	within, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	connection := wireclient.ConnectPing(within, server.MongoDBURI(), logger)
	if connection == nil {
		log.Fatal("FerretDB does not answer")
	}
	_ = connection.Close()
	fmt.Println(server.MongoDBURI(), version())

	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = os.RemoveAll(directory)
}

// version is that of the module (FerretDB itself says "unknown" when it is embedded), and whether with-mongodb fixed it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/FerretDB/FerretDB" {
				if module.Replace != nil {
					return module.Version + " (with one fix)"
				}
				return module.Version
			}
		}
	}
	return "unknown"
}
