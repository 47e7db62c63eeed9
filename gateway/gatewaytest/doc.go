// Package gatewaytest is the conformance suite that every transport of cgikit passes, and that the
// author of another gateway can run against it.
//
// A [Transport] starts [App] with the gateway under test in front of it, and returns its HTTP
// address. [Run] then sends the requests of every [Case] there and checks the responses. For
// a gateway that does not speak HTTP itself, [FrontEnd] starts an HTTP server in front of it. An
// [Exclusion] names a case that a gateway cannot pass, with the reason. The Example is a complete
// transport with its test.
//
// The rule of a case names its source: a specification, or an id such as C45 or F23 of the list
// testdata/requirements.txt.
package gatewaytest
