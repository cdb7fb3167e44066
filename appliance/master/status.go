package master

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/netio/sock"
)

// socketName is the status socket's name beside the pid file.
const socketName = "weir.sock"

// statusTime bounds how long one question to the status socket may take.
const statusTime = 3 * time.Second

// status is the socket on which the master answers what runs: HTTP/1.0 with
// one GET per connection and JSON, so that `curl --unix-socket weir.sock
// http://weir/status` is all it takes. The server is asked over the Link.
type status struct {
	listener  *net.UnixListener
	path      string
	inode     os.FileInfo
	asked     chan *query
	busy      chan struct{}  // one for each connection that is served
	waiting   []*query       // the server was asked for its status
	questions map[int]*query // the server was asked what the path says, by the number of the question
	lastID    int
}

// maxQueries bounds the connections that are served at once.
const maxQueries = 8

// query is one question; answer gets the whole response.
type query struct {
	answer chan []byte
	method string
	u      *url.URL
}

// statusReport is what /status shows.
type statusReport struct {
	Version    string           `json:"version"`
	Pid        int              `json:"pid"`
	Uptime     int64            `json:"uptime"` // seconds
	Generation int              `json:"generation"`
	Joined     bool             `json:"joined"` // one process: master_process off, or not started by root
	Restarts   int              `json:"restarts"`
	Config     string           `json:"config"`
	Steering   steeringReport   `json:"steering"` // how connections find their worker
	Listeners  []listenerReport `json:"listeners"`
	Server     *server.Status   `json:"server"` // null while none runs
}

type steeringReport struct {
	Mode     string `json:"mode"`          // of worker_steering
	Rung     string `json:"rung"`          // by what means; see steer.Rung
	Why      string `json:"why,omitempty"` // why by no better means
	Migrates bool   `json:"migrates"`      // queued connections outlive their socket
}

type listenerReport struct {
	Address string `json:"address"`
	Sockets int    `json:"sockets"`
}

// openStatus makes the socket. takeOver replaces one that another process
// listens on: the one that this process succeeds. The answer is nil when there
// can be no socket, which is logged.
func (m *master) openStatus(takeOver bool) *status {
	path := filepath.Join(filepath.Dir(m.cycle.Core.Pid), socketName)
	log := m.cycle.Log
	if !takeOver && answers(path) {
		log.Printf(errlog.Notice, 0, "another process listens on %s: no status socket", path)
		return nil
	}
	// Made under another name and renamed: the path is never without a
	// listener, and never open to others.
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	_ = os.Remove(temp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err == nil {
		l.SetUnlinkOnClose(false)
		if err = os.Chmod(temp, 0o600); err == nil {
			err = os.Rename(temp, path)
		}
	}
	if err != nil {
		log.Printf(errlog.Warn, 0, "no status socket: %v", err)
		if l != nil {
			l.Close()
			os.Remove(temp)
		}
		return nil
	}
	s := &status{listener: l, path: path, asked: make(chan *query), busy: make(chan struct{}, maxQueries), questions: make(map[int]*query)}
	s.inode, _ = os.Stat(path)
	go s.accept() // ends with the listener
	return s
}

// answers tells whether somebody listens on a Unix socket.
func answers(path string) bool {
	fd, err := sock.Stream(sock.Unix)
	if err != nil {
		return false
	}
	defer sock.Close(fd)
	var raw sock.RawAddr
	raw.Set(sock.UnixAddr(path))
	return sock.Connect(fd, &raw) == 0
}

// StatusSocket is the path of the status socket of a server that runs with these
// options.
func StatusSocket(o Options) (string, error) {
	o.Resolve()
	c, err := o.load(nil, true)
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(c.Core.Pid), socketName), nil
}

// queries is where questions arrive; nil for no socket.
func (s *status) queries() <-chan *query {
	if s == nil {
		return nil
	}
	return s.asked
}

// close removes the socket unless the path is another process's by now.
func (s *status) close() {
	if s == nil {
		return
	}
	s.listener.Close()
	if now, err := os.Stat(s.path); err == nil && os.SameFile(now, s.inode) {
		os.Remove(s.path)
	}
}

// acceptPause is how long no connection is accepted after an error.
const acceptPause = 100 * time.Millisecond

func (s *status) accept() {
	for {
		c, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of descriptors, for a while
			time.Sleep(acceptPause)
			continue
		}
		s.busy <- struct{}{}
		go func() { // ends by the connection's deadline; maxQueries at most
			s.serve(c)
			<-s.busy
		}()
	}
}

// serve answers one request.
func (s *status) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(statusTime))
	line, err := bufio.NewReaderSize(c, 4096).ReadSlice('\n')
	if err != nil {
		return
	}
	q := &query{answer: make(chan []byte, 1)}
	fields := strings.Fields(string(line))
	if len(fields) == 3 {
		q.method = fields[0]
		q.u, _ = url.ParseRequestURI(fields[1])
	}
	if q.u == nil {
		_, _ = c.Write(textAnswer(400, "not a request\n"))
		return
	}
	limit := statusTime + q.duration()
	_ = c.SetDeadline(time.Now().Add(limit + statusTime))
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case s.asked <- q:
	case <-timer.C:
		return
	}
	select {
	case body := <-q.answer:
		_, _ = c.Write(body)
	case <-timer.C:
		_, _ = c.Write(textAnswer(504, "the server process does not answer\n"))
	}
}

// maxDuration bounds the time that a question may ask to be watched for.
const maxDuration = 300 * time.Second

// duration is how long the answer to q takes to make: its argument seconds.
func (q *query) duration() time.Duration {
	n, err := strconv.ParseFloat(q.u.Query().Get("seconds"), 64)
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(min(n, 1e6)*float64(time.Second)), maxDuration)
}

// response is a whole response.
func response(code int, kind string, body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.0 %d Answer\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", code, kind, len(body), body)
}

func textAnswer(code int, text string) []byte { return response(code, "text/plain", []byte(text)) }

const jsonType = "application/json"

// answer asks the server, or answers at once.
func (s *status) answer(m *master, q *query) {
	switch path := q.u.Path; {
	case path == "/filter" || strings.HasPrefix(path, "/filter/"):
		code, body := m.filterAPI(q.method, q.u)
		kind := "text/plain"
		if code == 200 && q.method == "GET" {
			kind = jsonType
		}
		q.answer <- response(code, kind, body)
	case q.method != "GET":
		q.answer <- textAnswer(405, "ask with GET\n")
	case path == "/" || path == "/status":
		s.answerStatus(m, q)
	case path == "/top" || strings.HasPrefix(path, "/lua/"):
		s.pass(m, q)
	default:
		q.answer <- textAnswer(404, "ask for GET /status, /top, /lua/profile, /lua/memory or /filter\n")
	}
}

func (s *status) answerStatus(m *master, q *query) {
	if m.server == nil {
		q.answer <- m.report(nil)
		return
	}
	if len(s.waiting) == 0 {
		m.send(m.server, &server.Message{Op: server.Query})
	}
	s.waiting = append(s.waiting, q)
}

// pass asks the server a question that is not the master's to answer.
func (s *status) pass(m *master, q *query) {
	if m.server == nil || len(s.questions) >= maxQueries {
		q.answer <- textAnswer(503, "no server process that could answer\n")
		return
	}
	s.lastID++
	s.questions[s.lastID] = q
	m.send(m.server, &server.Message{Op: server.Ask, ID: s.lastID, Text: q.u.RequestURI()})
}

// told is the server's answer to such a question.
func (s *status) told(msg *server.Message) {
	if s == nil {
		return
	}
	q := s.questions[msg.ID]
	if q == nil {
		return
	}
	delete(s.questions, msg.ID)
	switch {
	case msg.Text != "":
		q.answer <- textAnswer(400, msg.Text+"\n")
	case len(msg.Body) > 0 && msg.Body[0] == '{':
		q.answer <- response(200, jsonType, msg.Body)
	default:
		q.answer <- response(200, "application/octet-stream", msg.Body)
	}
}

// state passes the server's part on to all who wait.
func (s *status) state(m *master, msg *server.Message) {
	if s == nil {
		return
	}
	st := new(server.Status)
	if json.Unmarshal(msg.Body, st) != nil {
		st = nil
	}
	for _, q := range s.waiting {
		q.answer <- m.report(st)
	}
	s.waiting = nil
}

// serverEnded answers those who wait for a server that will not.
func (s *status) serverEnded(m *master) {
	if s == nil {
		return
	}
	for _, q := range s.waiting {
		q.answer <- m.report(nil)
	}
	s.waiting = nil
	for id, q := range s.questions {
		delete(s.questions, id)
		q.answer <- textAnswer(503, "the server process has ended\n")
	}
}

// report is the answer to /status.
func (m *master) report(st *server.Status) []byte {
	r := statusReport{
		Version: m.o.Version, Pid: os.Getpid(), Uptime: int64(time.Since(m.started).Seconds()),
		Generation: m.generation, Joined: m.joined, Restarts: m.restarts, Config: m.o.ConfFile,
		Steering: m.steeringReport(), Server: st,
	}
	for _, l := range m.cycle.Listens {
		if g := m.listeners[l.Key()]; g != nil {
			r.Listeners = append(r.Listeners, listenerReport{l.Text, len(g.all())})
		}
	}
	data, err := json.MarshalIndent(&r, "", "  ")
	if err != nil {
		panic("BUG: master: status: " + err.Error())
	}
	return response(200, jsonType, append(data, '\n'))
}
