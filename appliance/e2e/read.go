package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readMessage reads one message from r. noBody says that none follows whatever
// the header says (an answer to HEAD); toEnd that a message without a length
// runs to the end of the connection (a response, not a request); rest that the
// body is all there is, as it is. Nothing is forgiven: a message whose form is
// wrong is an error.
func readMessage(r *bufio.Reader, noBody, toEnd, rest bool) (*message, error) {
	m, err := readHead(r)
	if err != nil {
		return m, err
	}
	m.body, err = readBody(r, m, noBody, toEnd, rest)
	return m, err
}

// readHead reads the first line and the header.
func readHead(r *bufio.Reader) (*message, error) {
	m := &message{}
	line, err := readLine(r)
	if err != nil {
		return m, err
	}
	m.first = line
	for {
		line, err := readLine(r)
		if err != nil {
			return m, noEOF(err)
		}
		if line == "" {
			return m, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return m, fmt.Errorf("header line %q has no colon", line)
		}
		m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
	}
}

// readLine reads a line that ends in CR LF.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		if line != "" {
			return "", fmt.Errorf("%w after %q", noEOF(err), line)
		}
		return "", err
	}
	if !strings.HasSuffix(line, "\r\n") {
		return "", fmt.Errorf("line %q does not end in CR LF", line)
	}
	return strings.TrimSuffix(line, "\r\n"), nil
}

// readBody reads the body that follows m's header, chunks put together;
// trailers join the headers.
func readBody(r *bufio.Reader, m *message, noBody, toEnd, rest bool) ([]byte, error) {
	words := strings.Fields(m.first)
	if toEnd && len(words) > 1 && (words[1] == "204" || words[1] == "304" || strings.HasPrefix(words[1], "1")) {
		noBody = true
	}
	length, coding := m.values("Content-Length"), m.values("Transfer-Encoding")
	switch {
	case rest:
		return io.ReadAll(r)
	case noBody:
		return nil, nil
	case len(coding) > 0:
		return readChunks(r, m)
	case len(length) > 0:
		n, err := strconv.Atoi(length[0])
		if err != nil || n < 0 || n > 1<<30 {
			return nil, fmt.Errorf("bad Content-Length %q", length[0])
		}
		body := make([]byte, n)
		got, err := io.ReadFull(r, body)
		if err != nil {
			return body[:got], fmt.Errorf("after %d of %d bytes of the body: %w", got, n, err)
		}
		return body, nil
	case toEnd:
		return io.ReadAll(r)
	}
	return nil, nil
}

func readChunks(r *bufio.Reader, m *message) ([]byte, error) {
	var body []byte
	for {
		line, err := readLine(r)
		if err != nil {
			return body, fmt.Errorf("in place of a chunk's size: %w", noEOF(err))
		}
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 30)
		if err != nil {
			return body, fmt.Errorf("bad chunk size %q", line)
		}
		if n == 0 {
			break
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return body, fmt.Errorf("in a chunk: %w", noEOF(err))
		}
		if string(chunk[n:]) != "\r\n" {
			return body, fmt.Errorf("a chunk ends in %q", chunk[n:])
		}
		body = append(body, chunk[:n]...)
	}
	for {
		line, err := readLine(r)
		if err != nil {
			return body, fmt.Errorf("in the trailer: %w", noEOF(err))
		}
		if line == "" {
			return body, nil
		}
		name, value, _ := strings.Cut(line, ":")
		m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
	}
}

// noEOF marks an end that came inside something.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
