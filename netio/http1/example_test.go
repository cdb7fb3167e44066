package http1_test

import (
	"fmt"

	"weir/netio/http1"
)

// A connection hands the parser its whole buffer after each read.
func ExampleRequestParser() {
	reads := []string{"GET /a?b HT", "TP/1.1\r\nHost: exam", "ple.com\r\n", "\r\n"}
	var (
		buffer  []byte
		parser  http1.RequestParser
		request http1.Request
	)
	parser.Reset(0, http1.Options{MaxLine: 8192, MaxFields: 100})
	lineDone := false
	for _, read := range reads {
		buffer = append(buffer, read...)
		res := http1.Done
		if !lineDone {
			res = parser.Line(buffer, &request)
			lineDone = res == http1.Done
		}
		if lineDone {
			res = parser.Headers(buffer, &request)
		}
		fmt.Println(res)
	}
	host, _ := request.Value(buffer, http1.HeaderHost)
	body, res := http1.CheckRequest(buffer, &request)
	fmt.Printf("%v %s on %s: %v, %+v\n", request.Method, request.Path.Of(buffer), host, res, body)
	// Output:
	// more
	// more
	// more
	// done
	// GET /a on example.com: done, {Length:-1 Chunked:false}
}
