package listen

import "golang.org/x/sys/windows"

// errSystemInUse is the error of bind for an address in use. On Windows, syscall.EADDRINUSE is
// another number, which bind does not return.
const errSystemInUse = windows.WSAEADDRINUSE
