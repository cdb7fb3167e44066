package certfile

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"strings"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
)

// inline is what names that are PEM text begin with.
const inline = "data:"

// stored is OpenSSL's store of keys in files, the only one there is here.
const stored = "store:file:"

var errStore = errors.New("keys in engines and stores are not supported")

// Store reads what a configuration names, each file once. The zero Store is
// ready.
type Store struct {
	pairs  map[[2]string]*tls.Certificate
	chains map[string][]*x509.Certificate
	warned map[string]bool // sentences
}

// read returns the text a name stands for, and the name as messages show it.
func read(cx *conf.Cx, name string, file func(path string) ([]byte, error)) (text []byte, shown string, err error) {
	if data, ok := strings.CutPrefix(name, inline); ok {
		return []byte(data), name, nil
	}
	for _, kind := range [...]string{"engine:", "store:"} {
		if strings.HasPrefix(name, kind) && !strings.HasPrefix(name, stored) {
			return nil, name, errStore
		}
	}
	path := cx.Path(strings.TrimPrefix(name, stored), true)
	text, err = file(path)
	return text, path, err
}

// because is an error of reading or parsing as it stands in messages.
func because(err error) string {
	if err == errStore {
		return err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.As(err, new(*fs.PathError)) {
		return "open() failed (" + http.ErrnoText(err) + ")"
	}
	return "PEM_read_bio() failed (SSL: " + err.Error() + ")"
}

// Pair loads a certificate with its chain and its key.
func (s *Store) Pair(b *http.Builder, cert, key string, passwords [][]byte) (*tls.Certificate, error) {
	id := [2]string{cert, key}
	if p := s.pairs[id]; p != nil {
		return p, nil
	}
	chain, err := s.Chain(b, cert)
	if err != nil {
		return nil, err
	}
	text, shown, err := read(b.Cx(), key, b.Cycle().ReadSecret)
	if err != nil {
		return nil, keyError(shown, err)
	}
	p, _, err := pair(chain, text, shown, passwords)
	if err != nil {
		return nil, err
	}
	if s.pairs == nil {
		s.pairs = make(map[[2]string]*tls.Certificate)
	}
	s.pairs[id] = p
	return p, nil
}

// pair joins a chain with the key in text, and reports whether it is encrypted.
func pair(chain []*x509.Certificate, text []byte, shown string, passwords [][]byte) (*tls.Certificate, bool, error) {
	signer, encrypted, err := certs.ParseKey(text, passwords)
	if err != nil {
		return nil, encrypted, keyError(shown, err)
	}
	p, err := certs.NewPair(chain, signer)
	if err != nil {
		return nil, encrypted, conf.Errorf("SSL_CTX_use_PrivateKey(\"%s\") failed (SSL: %w)", shown, err)
	}
	return p, encrypted, nil
}

func keyError(shown string, err error) error {
	return conf.Errorf("cannot load certificate key \"%s\": %s", shown, because(err))
}

func certError(shown string, err error) error {
	return conf.Errorf("cannot load certificate \"%s\": %s", shown, because(err))
}

// Chain loads certificates: a server's with those of its issuers behind it, or
// those of authorities.
func (s *Store) Chain(b *http.Builder, name string) ([]*x509.Certificate, error) {
	if chain := s.chains[name]; chain != nil {
		return chain, nil
	}
	text, shown, err := read(b.Cx(), name, b.Cycle().ReadFile)
	if err != nil {
		return nil, certError(shown, err)
	}
	chain, err := certs.ParseChain(text)
	if err != nil {
		return nil, certError(shown, err)
	}
	if s.chains == nil {
		s.chains = make(map[string][]*x509.Certificate)
	}
	s.chains[name] = chain
	return chain, nil
}

// CRLs loads revocation lists.
func (s *Store) CRLs(b *http.Builder, name string) ([]*x509.RevocationList, error) {
	text, shown, err := read(b.Cx(), name, b.Cycle().ReadFile)
	if err == nil {
		var lists []*x509.RevocationList
		if lists, err = certs.ParseCRLs(text); err == nil {
			return lists, nil
		}
	}
	return nil, conf.Errorf("cannot load CRL \"%s\": %s", shown, because(err))
}

// Raw reads any other file.
func Raw(c *cycle.Cycle, cx *conf.Cx, name string) (text []byte, path string, err error) {
	return raw(cx, name, c.ReadFile)
}

// Secret is Raw for keys and passwords, which are overwritten once the
// configuration has been made: nothing of text may be kept.
func Secret(c *cycle.Cycle, cx *conf.Cx, name string) (text []byte, path string, err error) {
	return raw(cx, name, c.ReadSecret)
}

func raw(cx *conf.Cx, name string, file func(path string) ([]byte, error)) (text []byte, path string, err error) {
	path = cx.Path(name, true)
	if text, err = file(path); err != nil {
		err = conf.Errorf("open() \"%s\" failed (%s)", path, http.ErrnoText(err))
	}
	return text, path, err
}

// Passwords is the setter of password files: one password per line.
func Passwords[T any](field func(*T) *conf.Opt[[][]byte]) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		o := field(conf.Target[T](cx))
		if o.Set {
			return conf.Tail("is duplicate")
		}
		text, _, err := Secret(cycle.Of(cx), cx, it.Args[0])
		if err != nil {
			return err
		}
		o.Put(certs.Passwords(text))
		return nil
	}
}
