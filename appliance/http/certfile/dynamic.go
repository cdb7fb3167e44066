package certfile

import (
	"crypto/tls"
	"os"
	"strings"
	"sync"
	"time"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/http"
)

// Dynamic is a certificate and a key whose names have variables.
type Dynamic struct {
	cert, key *http.Complex
	passwords [][]byte
	cache     *Cache
	prefix    string // what relative names are below
}

// NewDynamic compiles names with variables. cache may be nil.
func NewDynamic(b *http.Builder, cert, key string, passwords [][]byte, cache *Cache) (*Dynamic, error) {
	d := &Dynamic{passwords: passwords, cache: cache, prefix: b.Cx().Path("", true)}
	var err error
	if d.cert, err = b.CompileComplex(cert); err != nil {
		return nil, err
	}
	d.key, err = b.CompileComplex(key)
	return d, err
}

// Names works the names out.
func (d *Dynamic) Names(r *http.Request) (cert, key string) {
	return string(d.cert.Eval(r)), string(d.key.Eval(r))
}

// Load reads the certificate and key of those names, or takes them from the
// cache. It reads the disk: in a handshake, call it where that may wait.
func (d *Dynamic) Load(cert, key string) (*tls.Certificate, error) {
	id := [2]string{cert, key}
	if d.cache != nil {
		if p := d.cache.get(id); p != nil {
			return p, nil
		}
	}
	text, shown, err := d.text(cert)
	if err != nil {
		return nil, certError(shown, err)
	}
	chain, err := certs.ParseChain(text)
	if err != nil {
		return nil, certError(shown, err)
	}
	if text, shown, err = d.text(key); err != nil {
		return nil, keyError(shown, err)
	}
	p, encrypted, err := pair(chain, text, shown, d.passwords)
	clear(text)
	if err == nil && d.cache != nil && !encrypted { // as in nginx, such keys are not kept
		d.cache.put(id, p)
	}
	return p, err
}

// maxFile bounds what is read for one certificate or key.
const maxFile = 1 << 20

func (d *Dynamic) text(name string) (text []byte, shown string, err error) {
	if data, ok := strings.CutPrefix(name, inline); ok {
		return []byte(data), name, nil
	}
	name = strings.TrimPrefix(name, stored)
	if !strings.HasPrefix(name, "/") {
		name = d.prefix + name
	}
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxFile {
		err = &os.PathError{Op: "open", Path: name, Err: os.ErrInvalid}
	}
	if err == nil {
		text, err = os.ReadFile(name)
	}
	return text, name, err
}

// Cache keeps certificates and keys that were read in handshakes: as many of
// either as make max together, without those not used for the inactive time, each read again when it has
// become older than the valid time.
type Cache struct {
	max             int
	inactive, valid time.Duration

	mu   sync.Mutex
	held map[[2]string]*cached
}

type cached struct {
	pair         *tls.Certificate
	loaded, used time.Time
}

func (c *Cache) get(id [2]string) *tls.Certificate {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.held[id]
	if e == nil || now.Sub(e.loaded) > c.valid || now.Sub(e.used) > c.inactive {
		return nil
	}
	e.used = now
	return e.pair
}

// put adds a certificate. What has been idle too long goes, and when all are
// in use the one unused for longest.
func (c *Cache) put(id [2]string, p *tls.Certificate) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = make(map[[2]string]*cached)
	}
	delete(c.held, id)
	most := max(1, c.max/2) // a certificate and its key are two
	for len(c.held) >= most {
		var oldest [2]string
		var when time.Time
		for k, e := range c.held {
			if now.Sub(e.used) > c.inactive {
				delete(c.held, k)
			} else if when.IsZero() || e.used.Before(when) {
				oldest, when = k, e.used
			}
		}
		if len(c.held) >= most {
			delete(c.held, oldest)
		}
	}
	c.held[id] = &cached{p, now, now}
}

// CacheSetter reads ssl_certificate_cache and its like:
// off | max=n [inactive=time] [valid=time].
func CacheSetter[T any](field func(*T) *conf.Opt[*Cache]) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		o := field(conf.Target[T](cx))
		if o.Set {
			return conf.Tail("is duplicate")
		}
		c := &Cache{inactive: 10 * time.Second, valid: time.Minute}
		off := false
		for _, a := range it.Args {
			key, val, _ := strings.Cut(a, "=")
			ok := true
			switch key {
			case "off":
				off = val == ""
				ok = off
			case "max":
				c.max, ok = conf.ParseNum(val)
				ok = ok && c.max > 0
			case "inactive":
				c.inactive, ok = seconds(val)
			case "valid":
				c.valid, ok = seconds(val)
			default:
				ok = false
			}
			if !ok {
				return conf.Errorf("invalid parameter \"%s\"", a)
			}
		}
		switch {
		case off:
			c = nil
		case c.max == 0:
			return conf.Errorf("\"%s\" must have the \"max\" parameter", it.Name)
		}
		o.Put(c)
		return nil
	}
}

func seconds(s string) (time.Duration, bool) {
	n, ok := conf.ParseTime(s, true)
	return time.Duration(n) * time.Second, ok
}
