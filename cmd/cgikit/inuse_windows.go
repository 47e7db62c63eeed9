package main

import "golang.org/x/sys/windows"

// errAddrInUse is bind's answer for a port that is taken; syscall.EADDRINUSE is a number of its own here.
const errAddrInUse = windows.WSAEADDRINUSE
