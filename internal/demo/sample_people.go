package demo

// person is somebody who writes sample mail. zone is in hours east of UTC.
type person struct {
	name, address string
	zone          int
}

// residents are the keys of the people who have an account here.
var residents = [...]string{"ada", "grace"}

// correspondents by the key that the sample files use. All domains end in
// names reserved for examples (RFC 2606).
func correspondents() map[string]person {
	return map[string]person{
		"ada":     {"Ada Byrne", "ada@" + Domain, 0},
		"grace":   {"Grace Holloway", "grace@" + Domain, 0},
		"tom":     {"Tom Wexley", "tom.wexley@harbour-office.example", 0},
		"priya":   {"Priya Nair", "priya@smalldome.example", 0},
		"oma":     {"Hedwig Brandt", "oma.hedwig@gartenhaus.example", 1},
		"lena":    {"Lena Brandt", "lena@sternwarte.example", 1},
		"camille": {"Camille Roux", "camille@automates.example", 1},
		"ines":    {"Inés Valverde", "ines@biblioteca.example", 1},
		"joao":    {"João Figueira", "joao@telhado.example", 0},
		"luca":    {"Luca Bonfanti", "luca@nonna.example", 1},
		"sanne":   {"Sanne de Wit", "sanne@gracht.example", 1},
		"zofia":   {"Zofia Krawczyk", "zofia@kolejka.example", 1},
		"jiri":    {"Jiří Doležal", "dolezal@orloj.example", 1},
		"astrid":  {"Astrid Lindqvist", "astrid@fyren.example", 1},
		"aino":    {"Aino Mäkelä", "aino@jarvi.example", 2},
		"eleni":   {"Ελένη Παππά", "eleni@kafes.example", 2},
		"mitya":   {"Митя Соколов", "mitya@samovar.example", 3},
		"oksana":  {"Оксана Гончар", "oksana@leleky.example", 2},
		"defne":   {"Defne Yıldız", "defne@vapur.example", 3},
		"layla":   {"ليلى حداد", "layla@bustan.example", 2},
		"noam":    {"נועם לוי", "noam@migdalor.example", 2},
		"meera":   {"मीरा शर्मा", "meera@ghadi.example", 5},
		"ying":    {"สมหญิง ใจดี", "ying@chaa.example", 7},
		"linh":    {"Nguyễn Thùy Linh", "linh@denlong.example", 7},
		"yuki":    {"星野ゆき", "yuki@hoshizora.example", 9},
		"minji":   {"김민지", "minji@naengjanggo.example", 9},
		"wei":     {"陈伟", "chenwei@qixiang.example", 8},
		"meiling": {"林美玲", "meiling@chalou.example", 8},
		"zsuzsi":  {"Szűcs Zsuzsanna", "zsuzsi@vasutiora.example", 1},

		"keepers":  {"Lighthouse Keepers", "keepers@lists.example", 0},
		"borg":     {"Ingrid Borg", "ingrid@skerry.example", 1},
		"macleod":  {"Fergus MacLeod", "fergus@stormpoint.example", 0},
		"okafor":   {"Chidi Okafor", "chidi@harbourlight.example", 1},
		"tanaka":   {"Haru Tanaka", "haru@misaki.example", 9},
		"ruiz":     {"Marisol Ruiz", "marisol@faro.example", -3},
		"tide":     {"The Tide Table", "letters@tidetable.example", 0},
		"fromager": {"Le Petit Fromager", "bonjour@petitfromager.example", 1},
		"library":  {"Kettlewick Library", "desk@library.example", 0},
		"pakket":   {"Pakketpunt", "bericht@pakketpunt.example", 1},
		"bahn":     {"Küstenbahn", "fahrkarten@kuestenbahn.example", 1},
		"taller":   {"Taller del Reloj", "recibos@taller.example", 1},
		"builds":   {"Build Lamp", "lamp@builds.example", 0},
		"crook":    {"Cofferdam Mail Security", "security-team@cofferdarn-login.example", 3},
		"prince":   {"Prof. Dr. B. Ountiful", "grant@fortune.example", 4},
		"watches":  {"Watches Watches Watches", "deal@tick.example", 8},
	}
}
