package top

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// patience is how long an answer may take beyond the time the question asks for.
const patience = 10 * time.Second

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// ask puts a question to the socket and returns the body of the answer. watch is how long the question asks for.
func ask(socket, question string, watch time.Duration) ([]byte, error) {
	c, err := net.DialTimeout("unix", socket, patience)
	if err != nil {
		return nil, fmt.Errorf("no server answers: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watch + patience)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", question); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(c, maxAnswer))
	if err != nil {
		return nil, err
	}
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("the server's answer is cut off")
	}
	var code int
	if _, err := fmt.Sscanf(string(head), "HTTP/1.0 %d", &code); err != nil {
		return nil, fmt.Errorf("the server's answer is none: %w", err)
	}
	if code != 200 {
		return nil, errors.New(string(bytes.TrimSpace(body)))
	}
	return body, nil
}
