package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// loadResult is what a load generator saw. Times are in microseconds.
type loadResult struct {
	requests int
	bytes    int64
	rate     float64
	p50, p99 float64
	bad      int
}

// wrk loads a URL with as many requests as its connections bear. header is a
// field of theirs, "" for none.
func wrk(url string, d time.Duration, conns int, header string) (loadResult, error) {
	seconds := strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second)))
	args := []string{"-c", loadCPU, "wrk", "-t1", "-c", strconv.Itoa(conns), "-d", seconds, "--latency"}
	if header != "" {
		args = append(args, "-H", header)
	}
	out, err := exec.Command("taskset", append(args, url)...).CombinedOutput()
	if err != nil {
		return loadResult{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseWrk(string(out))
}

var (
	wrkTotal   = regexp.MustCompile(`(\d+) requests in ([\d.]+\w+), ([\d.]+\w+) read`)
	wrkPercent = regexp.MustCompile(`(?m)^ +(\d+)% +([\d.]+\w+)$`)
	wrkErrors  = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

// parseWrk reads wrk's report.
func parseWrk(out string) (loadResult, error) {
	var r loadResult
	m := wrkTotal.FindStringSubmatch(out)
	if m == nil {
		return r, fmt.Errorf("wrk reports no requests:\n%s", out)
	}
	r.requests, _ = strconv.Atoi(m[1])
	seconds, err := parseTime(m[2])
	if err != nil || r.requests == 0 {
		return r, fmt.Errorf("wrk made no requests (%v):\n%s", err, out)
	}
	r.rate = float64(r.requests) / (seconds / 1e6)
	if r.bytes, err = parseSize(m[3]); err != nil {
		return r, err
	}
	for _, p := range wrkPercent.FindAllStringSubmatch(out, -1) {
		v, err := parseTime(p[2])
		if err != nil {
			return r, err
		}
		switch p[1] {
		case "50":
			r.p50 = v
		case "99":
			r.p99 = v
		}
	}
	for _, m := range [][]string{wrkErrors.FindStringSubmatch(out), wrkStatus.FindStringSubmatch(out)} {
		for i := 1; i < len(m); i++ {
			n, _ := strconv.Atoi(m[i])
			r.bad += n
		}
	}
	return r, nil
}

// parseTime reads wrk's "1.23ms" as microseconds.
func parseTime(s string) (float64, error) {
	d, err := time.ParseDuration(s) // wrk's us, ms, s and m are Go's; its h too
	return float64(d) / 1e3, err
}

// parseSize reads wrk's "1.23MB", binary multiples, as bytes.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "BKMGT")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB"} {
		if s[len(number):] == unit {
			return int64(v), nil
		}
		v *= 1024
	}
	return 0, fmt.Errorf("%q is no size", s)
}
