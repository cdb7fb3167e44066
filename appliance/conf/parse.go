package conf

import (
	"io"
	"os"
	"slices"
	"strings"
)

// Options say how to read a configuration.
type Options struct {
	// Prefix is the directory of relative names in include: that of the configuration file.
	Prefix string

	// RawBlock tells of a directive whether its block is Lua text; nil means none is.
	// Table.RawBlock is made for it.
	RawBlock func(name string) bool

	// Globals is the text of option -g. Its items come first, their File is CommandLine.
	Globals string
}

// Parse reads a configuration file and all it includes.
//
// The tree is nil only when the file itself cannot be read. Otherwise it holds all that
// could be read, and the error (an Errors) repeats what its Items say in Err. A caller that
// walks the tree need not report it: the walk does, in the right order.
func Parse(path string, o Options) (*Tree, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return newParser(o).tree(path, text)
}

// ParseString is Parse of a text already read; name stands for the file in messages.
func ParseString(name, text string, o Options) (*Tree, error) {
	return newParser(o).tree(name, []byte(text))
}

// parser reads one configuration.
type parser struct {
	opts Options
	read func(path string) ([]byte, *Error) // readFile, but in fuzzing
	glob func(pattern string) []string      // glob, but in fuzzing

	files []FileText
	seen  map[string]bool // names in files
	stack []string        // files being read, outermost first
	errs  Errors
}

func newParser(o Options) *parser {
	if o.RawBlock == nil {
		o.RawBlock = func(string) bool { return false }
	}
	return &parser{opts: o, read: readFile, glob: glob, seen: make(map[string]bool)}
}

func (p *parser) tree(path string, text []byte) (*Tree, error) {
	t := &Tree{}
	if p.opts.Globals != "" {
		f := fileReader{p: p, name: CommandLine, lx: lexer{text: []byte(p.opts.Globals), param: true}}
		t.Items = f.items(t.Items, false)
	}
	t.Items = p.file(t.Items, path, text)
	t.Files = p.files
	return t, p.errs.err()
}

// file appends the items of a file to items.
func (p *parser) file(items []*Item, path string, text []byte) []*Item {
	if !p.seen[path] {
		p.seen[path] = true
		p.files = append(p.files, FileText{path, text})
	}
	p.stack = append(p.stack, path)
	f := fileReader{p: p, name: path, lx: lexer{text: text, line: 1}}
	items = f.items(items, false)
	p.stack = p.stack[:len(p.stack)-1]
	return items
}

// fileReader reads one file, or the text of -g.
type fileReader struct {
	p    *parser
	name string
	lx   lexer

	failed bool // a syntax error was met: nothing after it can be trusted
}

// items appends what stands up to the end of the file or, in a block, of the block.
func (f *fileReader) items(items []*Item, inBlock bool) []*Item {
	for !f.failed {
		words, end, err := f.lx.head()
		switch {
		case err == nil && end == endClose && !inBlock:
			err = newError(`unexpected "}"`)
		case err == nil && end == endFile && inBlock:
			err = newError(`unexpected end of file, expecting "}"`)
		case err == nil && end == endOpen && f.lx.param:
			err = newError("block directives are not supported in -g option")
		}
		if err != nil {
			return append(items, f.broken(err))
		}
		if end == endClose || end == endFile {
			return items
		}
		it := f.item(words, end)
		if it.Name == "include" && it.Err == nil {
			items = f.include(items, it)
			continue
		}
		items = append(items, it)
	}
	return items
}

// item makes an item of its head and reads the block that follows, if any.
func (f *fileReader) item(words []token, end ending) *Item {
	it := &Item{
		Name: unescape(words[0].text),
		File: f.name,
		Line: words[0].line,
		End:  f.lx.line,
	}
	if f.lx.param {
		it.Line, it.End = 0, 0
	}
	for _, w := range words[1:] {
		it.Args = append(it.Args, unescape(w.text))
	}
	if end != endOpen {
		return it
	}
	it.HasBlock = true
	if !f.p.opts.RawBlock(it.Name) {
		it.Block = f.items(nil, true)
		it.Close = f.lx.line
		return it
	}
	it.RawLine = f.lx.line
	body, err := f.lx.luaBlock()
	if err != nil {
		it.Err = f.broken(err).Err
	}
	it.Raw, it.Close = body, f.lx.line
	return it
}

// broken ends the reading of the file and returns the item that stands for the rest of it.
func (f *fileReader) broken(err *Error) *Item {
	f.failed = true
	err.File = f.name
	if !f.lx.param {
		err.Line = f.lx.line
	}
	f.p.errs = append(f.p.errs, err)
	return &Item{File: err.File, Line: err.Line, End: err.Line, Err: err}
}

// include appends the items of the files named by an include to items. A file that cannot be
// read is an error of the include only; reading goes on behind it.
func (f *fileReader) include(items []*Item, it *Item) []*Item {
	switch {
	case it.HasBlock:
		return append(items, f.p.wrong(it, newError(`directive "include" is not terminated by ";"`)))
	case len(it.Args) != 1:
		return append(items, f.p.wrong(it, newError(`invalid number of arguments in "include" directive`)))
	}
	path := fullName(f.p.opts.Prefix, it.Args[0])
	names := []string{path}
	if strings.ContainsAny(path, "*?[") {
		names = f.p.glob(path)
	}
	for _, name := range names {
		if slices.Contains(f.p.stack, name) {
			items = append(items, f.p.wrong(it, newError(`"include" directive of "%s" includes itself`, name)))
			continue
		}
		text, err := f.p.read(name)
		if err != nil {
			items = append(items, f.p.wrong(it, err))
			continue
		}
		items = f.p.file(items, name, text)
	}
	return items
}

// wrong returns the item that stands for an include that failed. It has no name, so that no
// table is asked for it.
func (p *parser) wrong(it *Item, err *Error) *Item {
	err.File, err.Line = it.File, it.End
	p.errs = append(p.errs, err)
	return &Item{File: it.File, Line: it.Line, End: it.End, Err: err}
}

// maxPiped bounds what is read from something that has no size of its own, as a pipe.
const maxPiped = 16 << 20

// readFile reads a whole file. A regular one may have any size.
func readFile(path string) ([]byte, *Error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, sysError("open", path, err)
	}
	defer file.Close()
	var from io.Reader = file
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		from = io.LimitReader(file, maxPiped+1)
	}
	text, err := io.ReadAll(from)
	switch {
	case err != nil:
		return nil, sysError("pread", path, err)
	case len(text) > maxPiped && from != io.Reader(file):
		return nil, newError(`"%s" is no regular file and longer than %d bytes`, path, maxPiped)
	}
	return text, nil
}
