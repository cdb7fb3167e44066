package http1

// Method identifies a request method. Methods are case-sensitive.
type Method uint16

// The methods nginx knows; any other well-formed one is MethodUnknown.
const (
	MethodUnknown Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodMkcol
	MethodCopy
	MethodMove
	MethodOptions
	MethodPropfind
	MethodProppatch
	MethodLock
	MethodUnlock
	MethodPatch
	MethodTrace
	MethodConnect

	methodCount
)

var methodNames = [methodCount]string{
	MethodGet: "GET", MethodHead: "HEAD", MethodPost: "POST", MethodPut: "PUT",
	MethodDelete: "DELETE", MethodMkcol: "MKCOL", MethodCopy: "COPY", MethodMove: "MOVE",
	MethodOptions: "OPTIONS", MethodPropfind: "PROPFIND", MethodProppatch: "PROPPATCH",
	MethodLock: "LOCK", MethodUnlock: "UNLOCK", MethodPatch: "PATCH",
	MethodTrace: "TRACE", MethodConnect: "CONNECT",
}

// String returns the method's name, "" for MethodUnknown.
func (m Method) String() string {
	if m < methodCount {
		return methodNames[m]
	}
	return ""
}

// LookupMethod returns the identifier of name, or MethodUnknown.
func LookupMethod(name []byte) Method {
	switch string(name) {
	case "GET":
		return MethodGet
	case "HEAD":
		return MethodHead
	case "POST":
		return MethodPost
	case "PUT":
		return MethodPut
	case "DELETE":
		return MethodDelete
	case "MKCOL":
		return MethodMkcol
	case "COPY":
		return MethodCopy
	case "MOVE":
		return MethodMove
	case "OPTIONS":
		return MethodOptions
	case "PROPFIND":
		return MethodPropfind
	case "PROPPATCH":
		return MethodProppatch
	case "LOCK":
		return MethodLock
	case "UNLOCK":
		return MethodUnlock
	case "PATCH":
		return MethodPatch
	case "TRACE":
		return MethodTrace
	case "CONNECT":
		return MethodConnect
	}
	return MethodUnknown
}
