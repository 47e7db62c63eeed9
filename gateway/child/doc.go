// Package child starts a program as the leader of a process group, waits for its end, and signals
// the group, also after the program itself has ended. Package cgi runs its scripts with it, and
// package spawn its workers. Unlike package os/exec, it does not copy streams, and needs no thread
// and no goroutine for each process on Linux.
package child
