package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/breakin"
	"cofferdam/internal/cell"
	"cofferdam/internal/config"
	"cofferdam/internal/courier"
	"cofferdam/internal/gate"
	"cofferdam/internal/keeper"
	"cofferdam/internal/porter"
	"cofferdam/internal/sandbox"
)

// plan knows what each role is told and how it is closed in.
type plan struct {
	ticketKey []byte
	node      string
	ids       ids

	mu     sync.Mutex // guards the rest
	loaded config.Config
	keys   *keys
}

// renew reads the installation's keys and the sign-in key document, or signs it.
// When it fails the former ones stay.
func (p *plan) renew() error {
	k, err := loadKeys(p.config())
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = k
	return nil
}

// documentLeft is how long pages accept the sign-in key document yet.
func (p *plan) documentLeft() time.Duration { return time.Until(p.secrets().until) }

func (p *plan) secrets() *keys {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys
}

func (p *plan) config() config.Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loaded
}

func (p *plan) set(c config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded = c
}

// settings are the configuration and the sandbox profile of a role.
func (p *plan) settings(name string) (json.RawMessage, sandbox.Profile, error) {
	c := p.config()
	var (
		told    any
		profile sandbox.Profile
		err     error
	)
	switch kind(name) {
	case "gate":
		told, profile, err = p.gate(c)
	case "keeper":
		told, profile = p.keeper(c)
	case "vault":
		told, profile = p.vault(c)
	case "porter":
		told, profile, err = p.porter(c)
	case "courier":
		told, profile, err = p.courier(c)
	case "cell":
		told, profile, err = p.cell(c)
	case "render":
		told, profile = struct{}{}, sandbox.Render(int64(c.Cells.RenderMemory))
	default:
		err = fmt.Errorf("role %s is not known", name)
	}
	if err != nil {
		return nil, profile, fmt.Errorf("settings of %s: %w", name, err)
	}
	for _, l := range c.MissingLayers() {
		profile.Permit = append(profile.Permit, sandbox.Layer(l))
	}
	data, err := json.Marshal(told)
	return data, breakin.Profile(kind(name), profile), err
}

func (p *plan) gate(c config.Config) (any, sandbox.Profile, error) {
	out := gate.Config{
		Name: c.Web.Name, Origin: c.Web.Origin, TLS: c.Web.TLS, Proxies: c.Web.Proxies, ProxyProtocol: c.Web.ProxyProtocol,
		HTTPBasic: c.Web.HTTPBasic, OperatorKey: p.secrets().operatorJSON(), TicketKey: p.ticketKey, Idle: time.Duration(c.SignIn.Idle),
	}
	profile := sandbox.Gate(nil, nil)
	var err error
	switch c.Web.TLS {
	case "files":
		out.Certificate, err = os.ReadFile(c.Web.Certificate)
		if err != nil {
			return nil, profile, err
		}
		out.Key, err = os.ReadFile(c.Web.Key)
	case "acme":
		folder := filepath.Join(c.Data, "gate")
		out.ACME = gate.ACME{Email: c.Web.ACMEEmail, Directory: c.Web.ACMEDirectory, Folder: folder}
		profile = sandbox.Gate([]string{folder}, nil).WithDialOut()
		profile.UID, profile.GID = p.ids.gate, p.ids.gate
		if c.Web.ACMERoots != "" {
			out.ACME.Roots, err = os.ReadFile(c.Web.ACMERoots)
		}
	}
	return out, profile, err
}

func (p *plan) keeper(c config.Config) (any, sandbox.Profile) {
	folder := filepath.Join(c.Data, "keeper")
	profile := sandbox.Keeper(folder)
	profile.Files = lineFiles
	profile.UID, profile.GID = p.ids.keeper, p.ids.keeper
	return keeper.Config{
		Database: filepath.Join(folder, "cofferdam.db"), Uploads: filepath.Join(folder, "uploads"), Indexes: filepath.Join(folder, "indexes"), Node: p.node, Cells: c.Cells.Cells, PeoplePerCell: c.Cells.PeoplePerCell,
		CellIdle: time.Duration(c.Cells.Idle), Idle: time.Duration(c.SignIn.Idle), Absolute: time.Duration(c.SignIn.Absolute),
		Shared: time.Duration(c.SignIn.Shared), FailsNetwork: c.SignIn.FailsNetwork, DeviceKey: p.secrets().Device,
	}, profile
}

func (p *plan) vault(c config.Config) (any, sandbox.Profile) {
	folder := filepath.Join(c.Data, "vault")
	profile := sandbox.Vault(folder)
	profile.UID, profile.GID = p.ids.vault, p.ids.vault
	return vaultSettings{Dir: folder}, profile
}

func (p *plan) porter(c config.Config) (any, sandbox.Profile, error) {
	k := p.secrets()
	out := porter.Config{SignInKey: k.SignIn, KeyDocument: k.document, CredentialKey: k.Credential, FailsAccount: c.SignIn.FailsAccount}
	profile := sandbox.Porter()
	profile.Files = lineFiles // a pipe is two
	for _, pc := range c.Platform {
		imap, err := service(pc.IMAP)
		if err != nil {
			return nil, profile, err
		}
		submission, err := service(pc.Submission)
		if err != nil {
			return nil, profile, err
		}
		filters, err := sieveService(pc.Sieve)
		if err != nil {
			return nil, profile, err
		}
		out.Platforms = append(out.Platforms, porter.Platform{Name: pc.Name, Domains: pc.Domains, Default: pc.Default, IMAP: imap,
			Submission: submission, Sieve: filters, Aliases: pc.Aliases, MaxPipes: pc.MaxPipes, Recipients: pc.Recipients,
			Parameters: upper(pc.Parameters)})
		if pc.Aliases != "" {
			profile.Read = append(profile.Read, filepath.Dir(pc.Aliases))
		}
	}
	return out, profile, nil
}

// courier may dial the ports that it has a use for: Landlock keeps that, too.
func (p *plan) courier(c config.Config) (any, sandbox.Profile, error) {
	out := courier.Config{VAPIDKey: p.secrets().VAPID, HostRate: c.Push.PerHost, Only: c.Push.Only}
	profile := sandbox.Courier()
	profile.Files = lineFiles
	profile.Ports = []uint16{53, 443}
	if u, err := url.Parse(c.Web.Origin); err == nil {
		out.Host = u.Hostname()
		if u.Scheme == "https" {
			out.Contact = c.Web.Origin
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil, profile, err
	}
	for _, a := range own {
		if n, err := netip.ParsePrefix(a.String()); err == nil {
			out.Own = append(out.Own, n.Addr())
		}
	}
	for _, n := range c.Push.Refuse {
		out.Refuse = append(out.Refuse, netip.MustParsePrefix(n)) // config has checked it
	}
	for _, s := range c.Push.Private {
		at := netip.MustParseAddrPort(s)
		out.Private = append(out.Private, at)
		profile.Ports = append(profile.Ports, at.Port())
	}
	if c.Push.CA != "" {
		out.Roots, err = os.ReadFile(c.Push.CA)
	}
	return out, profile, err
}

func (p *plan) cell(c config.Config) (any, sandbox.Profile, error) {
	out := cell.Config{Name: c.Web.Name, HeaderMemory: int64(c.Cells.HeaderMemory), AsSaid: !c.Cells.GuessCharsets,
		UndoSend: int(time.Duration(c.Sending.Undo) / time.Second), UndoSendMost: int(time.Duration(c.Sending.UndoMost) / time.Second),
		Forget: time.Duration(c.Cells.Forget), IndexEvery: indexEvery}
	for _, pc := range c.Platform {
		s := cell.Submission{Extensions: map[string][]string{}, Parameters: upper(pc.Parameters)}
		for _, line := range pc.Extensions {
			words := strings.Fields(line)
			s.Extensions[strings.ToUpper(words[0])] = words[1:]
		}
		if out.Submission == nil {
			out.Submission = map[string]cell.Submission{}
		}
		out.Submission[pc.Name] = s
	}
	profile := sandbox.Cell(int64(c.Cells.Memory))
	profile.Files = cellFiles
	var err error
	if c.Push.Enabled {
		out.PushKey, err = p.secrets().vapidPublic()
	}
	return out, profile, err
}

func upper(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ToUpper(s))
	}
	return out
}

// sieveService is nil for a platform without Sieve.
func sieveService(s config.Server) (*porter.Server, error) {
	if s.Address == "" {
		return nil, nil
	}
	out, err := service(s)
	return &out, err
}

func service(s config.Server) (porter.Server, error) {
	out := porter.Server{Address: s.Address, TLS: s.TLS, ServerName: s.ServerName, Auth: s.Auth, Login: s.Login, HideIP: s.HideIP}
	if s.CA == "" {
		return out, nil
	}
	roots, err := os.ReadFile(s.CA)
	out.Roots = roots
	return out, err
}

// ids are the user ids of the roles that keep files, when started as root.
type ids struct{ keeper, vault, gate uint32 }

// prepareFolders makes the data folder with one sub-folder a role, which that
// role alone can enter.
func (p *plan) prepareFolders(root bool) error {
	data := p.config().Data
	if err := os.MkdirAll(data, 0o711); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for name, id := range map[string]*uint32{"keeper": &p.ids.keeper, "vault": &p.ids.vault, "gate": &p.ids.gate} {
		folder := filepath.Join(data, name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("data folder of %s: %w", name, err)
		}
		if !root {
			continue
		}
		if err := own(folder, name, id); err != nil {
			return fmt.Errorf("data folder of %s: %w", name, err)
		}
	}
	return nil
}

// fixedIDs lie just below sandbox's range of passing ids; the second list is for
// containers that map 65,536 ids.
var fixedIDs = map[string][2]uint32{
	"keeper": {sandbox.DefaultUIDBase - 3, 60_597},
	"vault":  {sandbox.DefaultUIDBase - 2, 60_598},
	"gate":   {sandbox.DefaultUIDBase - 1, 60_599},
}

func own(folder, name string, id *uint32) error {
	var errs []error
	for _, uid := range fixedIDs[name] {
		err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, int(uid), int(uid))
		})
		if err == nil {
			*id = uid
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
