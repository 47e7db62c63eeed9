package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run has counted. A request ends in exactly one way: it is one of OK, or one of
// Errors.
type Result struct {
	OK     int64         // whole answers with a status under 400
	Within int64         // those of OK that came before the span was over
	Took   time.Duration // from the first request to the end of the span, or to the last answer if there is no span
	Rated  time.Duration // the time in which Within came

	Errors    map[string]int64 // by kind; answers with a status of 400 or more among them
	Statuses  map[int]int64    // of whole answers
	AppStatus int64            // whole answers whose appStatus, or exit status, was not 0
	Bytes     int64            // of the bodies of whole answers

	Connects int64 // connections made
	Closed   int64 // kept connections that the server closed
	Again    int64 // requests sent again, since the server had closed the kept connection meanwhile
	Starved  int   // connections on which no answer ever came, though a request was sent
	Unsent   int64 // requests that were due within the span at a Rate, and for which no connection was free
	Dropped  int64 // requests under way when the context ended

	// Latency is the time from when a request was due, at a Rate, or begun, to the last byte of its
	// answer. FirstByte is that to the first byte. Both are in nanoseconds, and of OK alone.
	Latency, FirstByte *hdrhistogram.Histogram

	statuses [1000]int64 // those that Statuses does not have yet
}

// flush moves the counts to where they are read.
func (r *Result) flush() {
	for status, n := range r.statuses {
		if n > 0 {
			r.Statuses[status] += n
		}
	}
	r.statuses = [1000]int64{}
}

// longest is the longest latency that is told apart, in nanoseconds.
const longest = int64(time.Hour)

// NewResult returns an empty Result, to which others can be added.
func NewResult() *Result {
	return &Result{
		Errors: map[string]int64{}, Statuses: map[int]int64{},
		Latency: hdrhistogram.New(1, longest, 3), FirstByte: hdrhistogram.New(1, longest, 3),
	}
}

// Failed is the number of requests that ended with an error.
func (r *Result) Failed() (n int64) {
	for _, k := range r.Errors {
		n += k
	}
	return n
}

// Ended is the number of requests that have ended.
func (r *Result) Ended() int64 { return r.OK + r.Failed() }

// PerSecond is the rate of right answers.
func (r *Result) PerSecond() float64 {
	if r.Rated <= 0 {
		return 0
	}
	return float64(r.Within) / r.Rated.Seconds()
}

// mostKinds bounds the kinds of errors that are told apart.
const mostKinds = 32

// addError counts a request that has failed.
func (r *Result) addError(kind string) {
	if _, known := r.Errors[kind]; !known && len(r.Errors) >= mostKinds {
		kind = "other errors"
	}
	r.Errors[kind]++
}

// addAnswer counts a whole answer.
func (r *Result) addAnswer(a Answer, latency, firstByte time.Duration, within bool) {
	r.statuses[a.Status%len(r.statuses)]++
	r.Bytes += a.Size
	if a.AppStatus != 0 {
		r.AppStatus++
	}
	if a.Status >= 400 || a.Status < 200 {
		r.addError(statusKind(a.Status))
		return
	}
	r.OK++
	if within {
		r.Within++
	}
	recordTime(r.Latency, latency)
	recordTime(r.FirstByte, firstByte)
}

func recordTime(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), 1), longest)) // which is within the range of all histograms here
}

// Add adds the counts, times and latencies of another run.
func (r *Result) Add(o *Result) {
	r.OK, r.Within, r.Took, r.Rated = r.OK+o.OK, r.Within+o.Within, r.Took+o.Took, r.Rated+o.Rated
	for kind, n := range o.Errors {
		r.Errors[kind] += n
	}
	for status, n := range o.Statuses {
		r.Statuses[status] += n
	}
	r.AppStatus, r.Bytes = r.AppStatus+o.AppStatus, r.Bytes+o.Bytes
	r.Connects, r.Closed, r.Again = r.Connects+o.Connects, r.Closed+o.Closed, r.Again+o.Again
	r.Starved, r.Unsent, r.Dropped = max(r.Starved, o.Starved), r.Unsent+o.Unsent, r.Dropped+o.Dropped
	r.Latency.Merge(o.Latency)
	r.FirstByte.Merge(o.FirstByte)
}
