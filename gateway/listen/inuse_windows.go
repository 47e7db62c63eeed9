package listen

import "golang.org/x/sys/windows"

// errSystemInUse is bind's answer for an address that is taken; syscall.EADDRINUSE is a number of
// its own here.
const errSystemInUse = windows.WSAEADDRINUSE
