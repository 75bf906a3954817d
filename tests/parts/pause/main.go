// Command pause waits to be stopped. It is what the containers of the tests run.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	// The first process of a container ignores a signal that it has no handler for.
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
}
