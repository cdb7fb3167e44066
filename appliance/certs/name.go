package certs

import (
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// shortNames are OpenSSL's short names of the attributes of names.
var shortNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description",
	"2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.41": "name", "2.5.4.42": "GN",
	"2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym",
	"2.5.4.97":                   "organizationIdentifier",
	"0.9.2342.19200300.100.1.1":  "UID",
	"0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1":       "emailAddress",
	"1.2.840.113549.1.9.2":       "unstructuredName",
	"1.3.6.1.4.1.311.60.2.1.1":   "jurisdictionL",
	"1.3.6.1.4.1.311.60.2.1.2":   "jurisdictionST",
	"1.3.6.1.4.1.311.60.2.1.3":   "jurisdictionC",
}

// attribute is one part of a name with the DER of its value.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// rdns takes a DER name apart; nil for one that is broken.
func rdns(raw []byte) [][]attribute {
	var outer []asn1.RawValue
	if _, err := asn1.Unmarshal(raw, &outer); err != nil {
		return nil
	}
	list := make([][]attribute, 0, len(outer))
	for _, set := range outer {
		var rdn []attribute
		if _, err := asn1.UnmarshalWithParams(set.FullBytes, &rdn, "set"); err != nil {
			return nil
		}
		list = append(list, rdn)
	}
	return list
}

// text is the value as UTF-8, ok false for a type that is no string.
func (a *attribute) text() (s string, ok bool) {
	var v any
	if _, err := asn1.Unmarshal(a.Value.FullBytes, &v); err != nil {
		return "", false
	}
	s, ok = v.(string)
	return s, ok
}

// Name is a DER name as RFC 2253 writes it, the last part first: what nginx's
// $ssl_client_s_dn has had since 1.11.6.
func Name(raw []byte) string {
	var b strings.Builder
	list := rdns(raw)
	for i, rdn := range slices.Backward(list) {
		if i < len(list)-1 {
			b.WriteByte(',')
		}
		for j := range rdn {
			if j > 0 {
				b.WriteByte('+')
			}
			a := &rdn[j]
			name, known := shortNames[a.Type.String()]
			s, ok := a.text()
			if !known || !ok {
				if !known {
					name = a.Type.String()
				}
				fmt.Fprintf(&b, "%s=#%s", name, strings.ToUpper(hex.EncodeToString(a.Value.FullBytes)))
				continue
			}
			b.WriteString(name)
			b.WriteByte('=')
			escapeName(&b, s)
		}
	}
	return b.String()
}

// escapeName writes a value with RFC 2253's escapes (section 2.4). Bytes of
// UTF-8 stay as they are.
func escapeName(b *strings.Builder, s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(b, "\\%02X", c)
		case strings.IndexByte(",+\"\\<>;", c) >= 0,
			i == 0 && (c == '#' || c == ' '),
			i == len(s)-1 && c == ' ':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
}

// OnelineName is a DER name as OpenSSL's X509_NAME_oneline writes it:
// "/C=US/CN=x", for $ssl_client_s_dn_legacy.
func OnelineName(raw []byte) string {
	var b strings.Builder
	for _, rdn := range rdns(raw) {
		for j := range rdn {
			a := &rdn[j]
			name := shortNames[a.Type.String()]
			if name == "" {
				name = a.Type.String()
			}
			b.WriteString("/" + name + "=")
			for _, c := range a.Value.Bytes {
				if c < ' ' || c > '~' {
					fmt.Fprintf(&b, "\\x%02X", c)
				} else {
					b.WriteByte(c)
				}
			}
		}
	}
	return b.String()
}
