// Package monitor shows what cgikit serve is doing: figures for Prometheus, a status page for
// people, and a health check for load balancers.
//
// The page has the charts of the last 5 minutes, which a Ledger keeps in a ring. Its script fetches
// /status.json while the page is visible. Without the script the page loads itself again.
package monitor
