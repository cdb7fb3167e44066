package http

// ProxyHeader is a PROXY protocol header.
type ProxyHeader struct{}

func (h *h1Conn) parseProxy() bool { return true }
