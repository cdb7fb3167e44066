package conf

import "strings"

// CommandLine is the file name of what was given by option -g. Errors in it carry no line.
const CommandLine = "command line"

// Item is one directive as written: a name, its arguments and possibly a block.
type Item struct {
	Name string   // first token, quotes and escapes resolved
	Args []string // the other tokens, resolved likewise; variables stay text

	File  string // file it stands in, as include named it
	Line  int    // line of the first token
	End   int    // line of the ";" or "{" that ends the head: the line nginx reports
	Close int    // line of the closing "}"; 0 without a block

	HasBlock bool    // the head ends with "{"
	Block    []*Item // items of the block; nil for a raw block

	Raw     string // body of a raw block, without its braces
	RawLine int    // line on which the body starts (that of the "{"); 0 without a raw block

	// Err says that the text could not be read any further, or that an include failed. The
	// item then stands for what is missing and has no Name, but for a raw block that does
	// not end. Walk and Entries report it when they come to the item.
	Err *Error
}

// Arg returns argument i, or "" when there is none.
func (it *Item) Arg(i int) string {
	if i < len(it.Args) {
		return it.Args[i]
	}
	return ""
}

// Errorf returns an error placed at the end of the item's head, whatever is walked when it
// is reported. Checks that run after the walk use it.
func (it *Item) Errorf(format string, args ...any) *Error {
	e := newError(format, args...)
	e.File, e.Line = it.File, it.End
	return e
}

// CloseErrorf is Errorf for what is found only when the whole block was read: nginx then
// stands at the closing brace.
func (it *Item) CloseErrorf(format string, args ...any) *Error {
	e := it.Errorf(format, args...)
	if it.Close != 0 {
		e.Line = it.Close
	}
	return e
}

// Tree is a configuration as written, with all includes in place.
type Tree struct {
	Items []*Item    // -g first, then the file
	Files []FileText // every file read, each once, in the order of first reading
}

// FileText is a file as it was read; option -T shows these.
type FileText struct {
	Path string
	Text []byte
}

// String prints the items in the configuration language. Parsing the result gives the same
// items but for files, lines and includes.
func (t *Tree) String() string {
	var b strings.Builder
	printItems(&b, t.Items, 0)
	return b.String()
}
