package run

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"
)

// lineReader gives an interactive session its lines, without their ends; io.EOF after the last one.
type lineReader interface {
	readLine(prompt string) (string, error)
}

// newLineReader edits lines, with a history, where a person sits at both ends, and reads them as they come elsewhere.
func newLineReader(stdin io.Reader, stdout io.Writer, out *bufio.Writer) lineReader {
	in, ok := stdin.(*os.File)
	o, ok2 := stdout.(*os.File)
	if ok && ok2 && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(o.Fd())) {
		t := &terminal{in: in, out: out}
		t.edit = term.NewTerminal(readWriter{in, o}, "")
		t.edit.History = openHistory(historyPath(os.Getenv))
		return t
	}
	return &plainLines{in: bufio.NewReader(stdin), out: out}
}

// plainLines reads from a pipe or a file; the prompt is printed all the same.
type plainLines struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func (p *plainLines) readLine(prompt string) (string, error) {
	p.out.WriteString(prompt)
	p.out.Flush()
	line, err := p.in.ReadString('\n')
	if line == "" {
		return "", err
	}
	return trimNewline(line), nil
}

func trimNewline(s string) string {
	if n := len(s); n > 0 && s[n-1] == '\n' {
		s = s[:n-1]
	}
	return s
}

// terminal edits lines. The terminal is in raw mode only while a line is read, so that what scripts print, read and
// are interrupted by works as anywhere.
type terminal struct {
	in   *os.File
	out  *bufio.Writer
	edit *term.Terminal
}

type readWriter struct {
	io.Reader
	io.Writer
}

func (t *terminal) readLine(prompt string) (string, error) {
	t.out.Flush()
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(t.in.Fd()), state)
	if w, h, err := term.GetSize(int(t.in.Fd())); err == nil && w > 0 && h > 0 {
		_ = t.edit.SetSize(w, h) // it fails with the terminal, which the read will tell
	}
	t.edit.SetPrompt(prompt)
	line, err := t.edit.ReadLine()
	if err == term.ErrPasteIndicator {
		err = nil // several lines at once are as good as typed ones
	}
	return line, err
}
