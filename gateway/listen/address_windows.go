package listen

// What unix sockets can here: sun_path has 108 bytes, the last of them NUL.
const maxSocketPath = 107
