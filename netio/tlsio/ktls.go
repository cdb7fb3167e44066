package tlsio

// KTLS says which directions and ciphers the kernel takes over. The zero value
// leaves all records to this package.
type KTLS struct {
	TX, RX Bulks // ciphers that the kernel seals and opens
}

// Bulks is a set of bulk ciphers.
type Bulks uint8
