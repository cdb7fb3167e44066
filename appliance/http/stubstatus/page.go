package stubstatus

import (
	"strconv"

	"weir/appliance/http"
)

var textPlain = []byte("text/plain")

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// answer sends the page. Programs parse it, so it is nginx's to the space.
func answer(r *http.Request) http.Code {
	t := sum(r.Worker())
	b := append(r.Alloc(256)[:0], "Active connections: "...)
	b = appendInt(b, t.active)
	b = append(b, " \nserver accepts handled requests\n "...)
	b = strconv.AppendUint(b, t.accepted, 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, t.accepted, 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, t.requests, 10)
	b = append(b, " \nReading: "...)
	b = appendInt(b, t.reading)
	b = append(b, " Writing: "...)
	b = appendInt(b, t.writing)
	b = append(b, " Waiting: "...)
	b = appendInt(b, t.waiting())
	b = append(b, " \n"...)
	return r.SendResponse(http.StatusOK, textPlain, b)
}
