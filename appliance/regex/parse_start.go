package regex

import "strings"

// startVerbs reads the option items that may open a pattern, as (*UTF).
func (p *parser) startVerbs() *Error {
	if p.opt&Literal != 0 {
		return nil
	}
	for strings.HasPrefix(p.src[p.pos:], "(*") {
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			return nil
		}
		name, arg, hasArg := strings.Cut(p.src[p.pos+2:p.pos+end], "=")
		if hasArg {
			n, ok := 0, arg != ""
			for i := 0; i < len(arg) && ok; i++ {
				ok = isDigit(arg[i]) && n < 1<<31
				n = n*10 + int(arg[i]-'0')
			}
			switch name {
			case "LIMIT_MATCH", "LIMIT_DEPTH", "LIMIT_HEAP", "LIMIT_RECURSION":
			default:
				return nil
			}
			if !ok {
				return p.failAt(errVerb, p.pos+end)
			}
			if name == "LIMIT_MATCH" {
				p.limitMatch = n
			}
		} else if !p.startVerb(name) {
			return nil
		}
		p.pos += end + 1
	}
	return nil
}

func (p *parser) startVerb(name string) bool {
	newlines := map[string]newline{"CR": nlCR, "LF": nlLF, "CRLF": nlCRLF, "ANY": nlAny, "ANYCRLF": nlAnyCRLF, "NUL": nlNUL}
	if nl, ok := newlines[name]; ok {
		p.nl = nl
		return true
	}
	switch name {
	case "UTF", "UTF8":
		p.opt |= UTF
	case "UCP":
		p.opt |= UCP
	case "BSR_ANYCRLF":
		p.bsrAny = false
	case "BSR_UNICODE":
		p.bsrAny = true
	case "NO_START_OPT":
		p.opt |= NoStartOptimize
	case "NOTEMPTY":
		p.notEmpty = true
	case "NOTEMPTY_ATSTART":
		p.notEmptyAt = true
	case "CASELESS_RESTRICT":
		p.xopt |= xCaselessRestrict
	case "NO_AUTO_POSSESS", "NO_DOTSTAR_ANCHOR", "NO_JIT", "TURKISH_CASING":
	default:
		return false
	}
	return true
}
