package exchange

// AllowWithoutConnect is the Allow field of the answer to CONNECT, which a 405 must have (RFC 9110
// section 15.5.6). Applications get every other method, so it lists the registered ones that an
// application is likely to know.
const AllowWithoutConnect = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
