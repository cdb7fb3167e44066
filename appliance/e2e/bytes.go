package e2e

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// wire returns the bytes that a request or backend section stands for.
func (s section) wire() ([]byte, error) {
	if s.has("raw") {
		return unescape(strings.ReplaceAll(s.text, "\n", ""))
	}
	text := s.text
	if strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\n\n") && text != "\n" {
		text = strings.TrimSuffix(text, "\n")
	}
	if n := s.size(); n > 0 {
		if !strings.Contains(text, "\n\n") {
			text += "\n\n"
		}
		return fillLength(append(crlf(text), pattern(n)...)), nil
	}
	return fillLength(crlf(text)), nil
}

func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

// fillLength writes the length of the body where "Content-Length: auto" is.
func fillLength(msg []byte) []byte {
	const auto = "\r\nContent-Length: auto\r\n"
	head, body, ok := bytes.Cut(msg, []byte("\r\n\r\n"))
	if !ok {
		return msg
	}
	head = append(head, "\r\n"...)
	length := "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	return append(append(bytes.Replace(head, []byte(auto), []byte(length), 1), "\r\n"...), body...)
}

// unescape turns the escapes of a raw section into bytes.
func unescape(text string) ([]byte, error) {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		if i == len(text) {
			return nil, fmt.Errorf("raw bytes end in a backslash")
		}
		switch text[i] {
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case '0':
			out = append(out, 0)
		case '\\':
			out = append(out, '\\')
		case 'x':
			b, err := strconv.ParseUint(text[min(i+1, len(text)):min(i+3, len(text))], 16, 8)
			if err != nil {
				return nil, fmt.Errorf("raw bytes: bad \\x: %w", err)
			}
			out = append(out, byte(b))
			i += 2
		default:
			return nil, fmt.Errorf("raw bytes: unknown escape \\%c", text[i])
		}
	}
	return out, nil
}

// pattern returns n bytes without a short period, in lines of 64: a piece that
// is lost, doubled or moved shows.
func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		if i%64 == 63 {
			out[i] = '\n'
		} else {
			out[i] = 'a' + byte(uint32(i)*2654435761>>16%26)
		}
	}
	return out
}
