// Package monitor shows what cgikit serve is doing: figures for Prometheus, a status page for
// people, and a health check for load balancers.
package monitor
