package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
	"time"

	"cofferdam/internal/config"
)

// checkWeb looks at what browsers will think of our certificate.
func checkWeb(w *config.Web) Finding {
	f := Finding{Check: "web certificate", About: "Browsers accept us only with a certificate in the name of web.origin."}
	switch w.TLS {
	case "off":
		return f.ok("none: %s is served without TLS here", w.Origin)
	case "acme":
		return f.ok("obtained and renewed by ACME; the first start asks for it")
	}
	origin, err := url.Parse(w.Origin)
	if err != nil {
		return f.fail("Mend web.origin.", "%s", err)
	}
	chain, err := readSmall(w.Certificate)
	if err != nil {
		return f.fail("Name the PEM chain as web.certificate.", "%s", err)
	}
	key, err := readSmall(w.Key)
	if err != nil {
		return f.fail("Name the PEM key as web.key.", "%s", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return f.fail("Give certificate and key that belong together; the certificate comes first in its file.", "%s and %s: %s", w.Certificate, w.Key, err)
	}
	return judge(f, pair.Leaf, pair.Certificate[1:], origin.Hostname())
}

// judge says what a browser would say of a leaf with its intermediates.
func judge(f Finding, leaf *x509.Certificate, rest [][]byte, host string) Finding {
	now := time.Now()
	if err := leaf.VerifyHostname(host); err != nil {
		return f.fail("Get a certificate for "+host+", or set web.origin to the name it has.", "it is for %s, not for %s", names(leaf), host)
	}
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return f.fail("Renew it.", "valid from %s to %s only", day(leaf.NotBefore), day(leaf.NotAfter))
	}
	between := x509.NewCertPool()
	for _, der := range rest {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Intermediates: between}); err != nil {
		return f.warn("Give the whole chain in the file, or make sure that your people's browsers trust the issuer.", "for %s until %s, but this machine does not trust it: %s", host, day(leaf.NotAfter), err)
	}
	if left := leaf.NotAfter.Sub(now); left < soon {
		return f.warn("Renew it, then reload (SIGHUP).", "ends in %s, on %s", days(left), day(leaf.NotAfter))
	}
	return f.ok("for %s, valid until %s", host, day(leaf.NotAfter))
}

// names are those that a certificate is for.
func names(leaf *x509.Certificate) string {
	list := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return "no host name"
	}
	return strings.Join(list, ", ")
}
