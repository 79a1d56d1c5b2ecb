"""Lists that names, addresses, products and texts are drawn from. All people are made up."""

from __future__ import annotations

FIRST_NAMES = {
    "v": "Anna Sanne Lotte Emma Fleur Iris Noor Zoë Chloé Femke Maaike Roos Yasmina Fatima Aylin Mei-Lin Hanneke Wil".split(),
    "m": "Bram Daan Sem Lars Jeroen Thijs Ruben Mohammed Emre Sjoerd Kees Joost André Jörg Björn Wim Piet Çelik".split(),
    "x": "Robin Sam Noa Jip Lux Kim".split(),
}
LAST_NAMES = [
    ("de", "Vries"), ("", "Jansen"), ("van den", "Berg"), ("", "Bakker"), ("van der", "Meer"), ("", "Visser"),
    ("", "d'Hondt"), ("", "'t Hooft"), ("van 't", "Veld"), ("", "Mulder"), ("de", "Boer"), ("", "Yılmaz"),
    ("", "El Idrissi"), ("ten", "Brink"), ("", "Müller"), ("van de", "Ven"), ("", "Bos"), ("", "Nguyễn"),
    ("", "Smit-Kuipers"), ("in 't", "Groen"), ("", "Fernández"), ("", "Ångström"), ("op den", "Akker"),
]  # fmt: skip
STREETS = [
    "Dorpsstraat",
    "Kerkweg",
    "Prins Hendrikkade",
    "Lange Voorhout",
    "'s-Gravenweg",
    "Julianalaan",
    "Achter de Hoven",
    "Schönbergstraße",
]
TOWNS = ["Enschede", "'s-Hertogenbosch", "Den Haag", "Súdwest-Fryslân", "Utrecht", "Hengelo", "Zutphen", "Maastricht"]
DOMAINS = ["post.example", "mail.example", "brievenbus.example", "thuis.example", "werk.example"]
METALS = ["geelgoud", "witgoud", "roségoud", "platina", "palladium"]
KINDS = ["trouwring", "verlovingsring", "armband", "collier", "oorbellen", "solitair", "aanschuifring"]
REASONS = ["Te klein", "Te groot", "Niet naar wens", "Ging niet door 💔", "Dubbel besteld"]
CONTESTS = ["Win een solitair", "Mooiste aanzoek 2025", "Valentijnsactie", "Raad het karaat"]
TOPICS = ["trouwringen", "verlovingsringen", "lab-diamant", "vintage", "heren", "goud", "platina", "sale"]
ENGRAVINGS = ["Voor altijd", "A ♥ B", "12·06·2021", "Mijn hart \\ jouw hart", "Je t'aime", "לעולם", "∞", 'zij zei "ja"']
QUESTIONS = ["Hoe vond u de bediening?", "Zou u ons aanbevelen?", "Wat kan beter?"]
ANSWERS = ["Prima", "Ja, zeker!", "Kortere levertijd", "Niets 😊", "", "Meer keuze in 14 kt"]
MESSAGES = [
    "Wanneer wordt mijn bestelling bezorgd?",
    "Kan de ring een maat groter?\r\nGroet",
    "Is dit een <b>conflictvrije</b> diamant?",
    "Graag een afspraak, liefst op zaterdag 💍",
    "Tab\tin de tekst, en een lege regel\n\ndaarna.",
]
REVIEWS = [
    ("Prachtig", "Mooier dan op de foto 😍"),
    ("Goed", "Snel geleverd."),
    ("Matig", "De kleur week af; netjes opgelost."),
    ("Top!", ""),
]
HOSTILE = [
    "'; DROP TABLE klanten; --",
    "{{ 7*7 }}",
    "=cmd|' /C calc'!A0",
    "<script>alert('hoi')</script>",
    "regel een\r\nBcc: iemand@post.example\r\n\r\nregel twee",
    "\u202eomgekeerd\u202c en nul: \x01",
    "+31;-1;@SUM(1)",
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
]
ROBOTS = ["Zoekmachine/2.1 (+https://robot.example/)", "curl/8.14.1", "-"]
PAGES = [
    "/", "/ringen", "/verlovingsringen", "/trouwringen?metaal=witgoud", "/collier/zilver", "/winkelmand", "/contact",
    "/css/winkel.css", "/img/solitair.webp", "/zoeken?q=%22diamant%22", "/privacy", "/maatwijzer",
    "/bestelling/1022", "/bestelling/1001", "/zoeken?q=\\x22goud\\x22", "/zoeken?q=caf\\xC3\\xA9",
]  # fmt: skip
REFERERS = [
    "-",
    "https://www.diamonto.example/",
    "https://zoek.example/?q=trouwringen",
    "https://www.diamonto.example/ringen",
]
BROKEN = [
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"2026/01/02 10:00:00 [error] 1234#0: *1 open() failed (2: No such file or directory)",
    b"203.0.113.250 - - [02/Jan/20",
    b"\xff\xfe\x00g\x00e\x00e\x00n\x00 log",
    b"",
]
