"""What programs print when they fail, by cause: a table to be added to. The order inside a table is the order of certainty.

A summary is filled with the named groups of the expression; `{line}` is the line in which it was found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

HOST = r"(?P<host>\[?[\w.:-]+?\]?)"
PORT = r"(?P<port>\d{2,5})"
PATH = r"(?P<path>(?:\.{0,2}/|[A-Za-z]:)[^\s'\"`:,)]*)"


@dataclass(frozen=True)
class Pattern:
    cause: str
    summary: str
    expressions: Sequence[str]
    compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        flags = re.IGNORECASE | re.MULTILINE
        object.__setattr__(self, "compiled", tuple(re.compile(one, flags) for one in self.expressions))

    def find(self, text: str) -> "Found | None":
        """The last place of the first expression that fits: the newest run of a program that was started again."""
        for expression in self.compiled:
            matches = list(expression.finditer(text))
            if matches:
                return Found(self, matches[-1])
        return None


@dataclass(frozen=True)
class Found:
    pattern: Pattern
    match: "re.Match[str]"

    @property
    def cause(self) -> str:
        return self.pattern.cause

    @property
    def line(self) -> str:
        text, start, end = self.match.string, self.match.start(), self.match.end()
        before, after = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        return " ".join(text[before : after if after >= 0 else len(text)].split())

    def group(self, name: str) -> str:
        return (self.match.groupdict().get(name) or "").strip()

    @property
    def summary(self) -> str:
        groups = {name: (value or "?").strip() for name, value in self.match.groupdict().items()}
        return self.pattern.summary.format_map({"line": self.line, **groups})


def find_all(patterns: Sequence[Pattern], text: str) -> Iterator[Found]:
    return (found for pattern in patterns if (found := pattern.find(text)))


DATABASE_WORDS = (
    Pattern("database refuses the login", "the database refuses the login of user {user}", (
        r"password authentication failed for user [\"'`](?P<user>[^\"'`]*)",
        r"Access denied for user '(?P<user>[^']*)'",
        r"no pg_hba\.conf entry for host .*?user \"(?P<user>[^\"]*)",
        r"Login failed for user '(?P<user>[^']*)'",
        r"Role \"?(?P<user>\w+)\"? is not permitted to log in",
        r"provided database credentials for [`'](?P<user>[^`']*)[`'] are not valid",
    )),
    Pattern("database refuses the login", "the database refuses the login: {line}", (
        r"fe_sendauth: no password supplied", r"client password must be a string", r"SASL authentication failed",
        r"^.*\b28P01\b.*$", r"\bWRONGPASS\b.*", r"\bNOAUTH\b.*", r"MongoServerError: Authentication failed",
        r"the server requested (?:password|SCRAM).{0,40}authentication.*no password", r"AuthenticationError:.*",
    )),
    Pattern("role missing", "the database has no role {name}", (r"role [\"'`](?P<name>[^\"'`]+)[\"'`] does not exist",)),
    Pattern("database missing", "there is no database {name}", (
        r"database [\"'`](?P<name>[^\"'`]+)[\"'`] does not exist", r"Unknown database '(?P<name>[^']+)'",
        r"Cannot open database \"(?P<name>[^\"]+)\"",
    )),
    Pattern("too many connections", "the database has no connection left: {line}", (
        r"too many clients already", r"remaining connection slots are reserved", r"Too many connections",
        r"too many connections for (?:role|database)", r"max_user_connections",
    )),
)  # fmt: skip

UNREACHABLE = Pattern("database unreachable", "{line}", (
    rf"connection to server at \"{HOST}\"(?: \([^)]*\))?, port {PORT} failed: (?!FATAL)(?P<why>.*)",
    rf"could not translate host name \"{HOST}\" to address",
    rf"(?:connect )?\b(?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ECONNRESET)\b:? {HOST}:{PORT}\b",
    rf"(?:failed to|could not|cannot) resolve (?:host|address|hostname):? ['\"]?{HOST}['\"]?(?::|\s|$)",
    rf"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) {HOST}(?::{PORT})?(?:\s|$)",
    rf"dial tcp:? lookup {HOST}(?: on [^ ]+)?: (?P<why>no such host|server misbehaving|i/o timeout|Temporary failure.*)",
    rf"dial tcp:? {HOST}:{PORT}: (?P<why>connect: .*|i/o timeout)",
    rf"lookup {HOST}(?: on [^ ]+)?: no such host",
    rf"Connection to {HOST}:{PORT} refused",
    rf"UnknownHostException: {HOST}(?::|\s|$)",
    rf"Can't reach database server at [`'\"]?{HOST}[`'\"]?:[`'\"]?{PORT}",
    rf"Can't connect to (?:\w+ )*server on '{HOST}(?::{PORT})?'",
    rf"Error -?\d+ connecting to {HOST}:{PORT}\. (?P<why>.*)",
    rf"connecting to \w+ (?:on|at) {HOST}:{PORT}",
    rf"Connection refused - connect\(2\) for \"?{HOST}\"? port {PORT}",
    rf"Failed to open TCP connection to {HOST}:{PORT} \((?P<why>[^)]*)",
    rf"getaddrinfo(?: for)? {HOST} failed: (?P<why>.*)",
    rf"host='{HOST}', port={PORT}\): Max retries exceeded",
    rf"Connect(?: call|ion)? (?:failed|refused) \('{HOST}', {PORT}\)",
    rf"Cannot connect to host {HOST}:{PORT}",
    rf"{HOST}:{PORT}: \[Errno -?\d+\] (?P<why>[^,(]*)",
    rf"could not connect to server: (?P<why>Connection refused|.*timed out|No such file).*\n?.*(?:host \"{HOST}\".*port {PORT})?",
    r"SQLSTATE\[(?:08006|08001|HY000)\] \[(?:7|2002)\] (?P<why>.*)",
    r"Communications link failure", r"\bPG::ConnectionBad: (?P<why>.*)", r"MongoServerSelectionError: (?P<why>.*)",
    r"the database system is (?P<why>starting up|shutting down|in recovery mode)",
    r"OperationalError\b.*(?P<why>Connection refused|could not connect|timeout expired|Can't connect.*)",
    r"ActiveRecord::ConnectionNotEstablished(?:: | - )?(?P<why>.*)", r"connection to server on socket .* failed: (?P<why>.*)",
))  # fmt: skip

SCHEMA = Pattern("schema does not fit", "the database's schema is not the one that this release expects: {line}", (
    r"(?:relation|table|column) \"?[\w.]+\"? (?:of relation \"?\w+\"? )?does not exist", r"no such (?:table|column): \S+",
    r"Table '[^']+' doesn't exist", r"Unknown column '[^']+'", r"The table [`'\"]\S+[`'\"] does not exist in the current database",
    r"You have \d+ unapplied migration", r"Migrations are pending",
))  # fmt: skip

LOCKED = Pattern("migration locked", "a lock was not given in time: {line}", (
    r"canceling statement due to lock timeout", r"LockNotAvailable", r"\b55P03\b", r"Lock wait timeout exceeded",
    r"could not obtain lock", r"database is locked", r"advisory lock", r"ConcurrentMigrationError",
    r"Waiting for changelog lock", r"Could not acquire change log lock", r"deadlock detected", r"try restarting transaction",
    r"Migration lock|is already locked", r"\bP1002\b", r"canceling statement due to statement timeout",
))  # fmt: skip

MEMORY_WORDS = Pattern("out of memory", "{line}", (
    r"^.*JavaScript heap out of memory.*$", r"java\.lang\.OutOfMemoryError.*", r"Allowed memory size of \d+ bytes exhausted.*",
    r"^(?:.*\s)?MemoryError\b.*$", r"\bNoMemoryError\b.*|failed to allocate memory", r"(?:fatal error: )?runtime: out of memory.*",
    r"^.*cannot allocate memory.*$", r"was sent SIGKILL! Perhaps out of memory\?", r"std::bad_alloc",
    r"memory allocation of \d+ bytes failed", r"insufficient memory for the Java Runtime",
))  # fmt: skip

DISK_WORDS = (
    Pattern("inodes exhausted", "the limit of watched files is reached: {line}", (r"limit for number of file watchers reached",)),
    Pattern("file system of the container full", "shared memory is too small: {line}", (
        r"could not resize shared memory segment.*No space left on device",
    )),
    Pattern("disk full", "{line}", (
        r"^.*no space left on device.*$", r"^.*\bENOSPC\b.*$", r"^.*Disk quota exceeded.*$", r"^.*database or disk is full.*$",
        r"^.*There is not enough space on the disk.*$",
    )),
)  # fmt: skip

ARCHITECTURE_WORDS = Pattern("wrong architecture", "{line}", (
    r"^.*exec format error.*$", r"no matching manifest for (?P<platform>\S+) in the manifest list.*",
    r"no match for platform in manifest.*", r"image with reference \S+ was found but (?:its platform|does not).*platform.*",
    r"qemu: uncaught target signal.*", r"Could not open '/lib(?:64)?/ld-linux-\S+'", r"cannot execute binary file",
    r"wrong ELF class.*", r"is for a different platform|incompatible architecture.*",
    r"does not provide the specified platform.*",
))  # fmt: skip

PROGRAM_WORDS = (
    Pattern("module missing", "the module {name} is missing in the image", (
        r"No module named '?(?P<name>[\w.-]+)", r"Cannot find (?:module|package) '(?P<name>[^']+)'",
        r"cannot load such file -- (?P<name>\S+)", r"Could not (?:find gem|locate gem) '(?P<name>[^']+)",
        r"Could not find (?P<name>\S+) in (?:any of the sources|locally installed gems)",
        r"Could not find or load main class (?P<name>\S+)", r"ClassNotFoundException: (?P<name>\S+)",
        r"NoClassDefFoundError: (?P<name>\S+)", r"Unable to access jarfile (?P<name>\S+)",
        r"Failed opening required '(?P<name>[^']+)'", r"Class [\"'](?P<name>[\w\\]+)[\"'] not found",
        r"Could not open input file: (?P<name>\S+)",
        r"error while loading shared libraries: (?P<name>[^:\s]+)", r"Error loading shared library (?P<name>[^:\s]+)",
        r"version `(?P<name>GLIBC\w*_[\d.]+)' not found", r"Could not import module \"(?P<name>[\w.]+)\"",
        r"cannot import name '(?P<name>\w+)'", r"Failed to find attribute '(?P<name>\w+)' in", r"can't open file '(?P<name>[^']+)'",
        r"Attribute \"(?P<name>\w+)\" not found in module", r"Missing script: \"?(?P<name>[\w:-]+)",
        r"Can't find a suitable (?P<name>configuration file)", r"The framework '(?P<name>[^']+)'.*was not found",
        r"Error while finding module specification for '(?P<name>[^']+)'",
    )),
    Pattern("not executable", "{path} is not executable", (
        r"exec:? \"?(?P<path>[^\s\":]+)\"?: (?:stat [^:]+: )?permission denied", r"exec (?P<path>/\S+): permission denied",
        r"^\S*(?:sh|bash): (?:line )?\d+: (?:exec: )?(?P<path>[^\s:]+): Permission denied$",
    )),
    Pattern("command not found", "there is no program {name} in the image, or not the interpreter of its first line", (
        r"exec: \\?\"(?P<name>[^\"\\]+)\\?\": (?:executable file not found|stat [^:]+: no such file)",
        r"exec:? \"?(?P<name>/[^\s\":]+)\"?: no such file or directory", r"(?:^|: )(?:line \d+: )?(?P<name>[\w./-]+): command not found",
        r"(?:sh|bash|ash|dash|entrypoint\S*): (?:line )?\d+: (?P<name>[\w./-]+): not found",
        r"sh: (?P<name>[\w./-]+): not found", r"exec: (?:line \d+: )?(?P<name>[\w./-]+): not found",
        r"env: [‘'\"]?(?P<name>[\w./-]+)\\?r?[’'\"]?: No such file or directory", r"spawn (?P<name>\S+) ENOENT",
        r"(?P<name>\S+): (?:cannot execute: required file not found|bad interpreter)",
    )),
)  # fmt: skip

PORT_WORDS = (
    Pattern("port taken", "port {port} is taken already", (
        r"Bind for \S*?:(?P<port>\d+) failed: port is already allocated", r"listen tcp\d? \S*?:(?P<port>\d+): bind: address already in use",
        r"bind\(\) to \S*?:(?P<port>\d+) failed \(98", r"EADDRINUSE:? (?:address already in use )?\S*?:(?P<port>\d+)",
        r"address \('[^']*', (?P<port>\d+)[^)]*\): (?:\[errno 98\] )?address already in use",
        r"Port (?P<port>\d+) (?:was|is) already in use",
        r"failed to bind host port \S*?:(?P<port>\d+)", r"Address already in use - bind\(2\) for \S+ port (?P<port>\d+)",
        r"Connection in use: \('[^']*', (?P<port>\d+)\)", r"Failed to listen on \S*?:(?P<port>\d+) \(reason: Address already in use\)",
        r"exposing port TCP \S*?:(?P<port>\d+)",
    )),
    Pattern("port not permitted", "the program's user may not listen on port {port}", (
        r"bind\(\) to \S*?:(?P<port>\d+) failed \(13", r"EACCES:? (?:permission denied )?\S*?:(?P<port>\d+)$",
        r"listen tcp\d? \S*?:(?P<port>\d+): bind: permission denied", r"Permission denied - bind\(2\) for \S+ port (?P<port>\d+)",
        r"Failed to listen on \S*?:(?P<port>\d+) \(reason: Permission denied\)",
        r"address \('[^']*', (?P<port>\d+)[^)]*\): (?:\[errno 13\] )?permission denied",
        r"\(13\)Permission denied:.*could not bind to address \S*?:(?P<port>\d+)",
    )),
    Pattern("port taken", "a port is taken already: {line}", (
        r"Address already in use", r"port is already allocated", r"Only one usage of each socket address",
    )),
)  # fmt: skip

INVALID_VARIABLE = Pattern("invalid variable", "the setting {name} has a value that the program refuses: {why}", (
    r"validation errors? for \w*(?:Settings|Config|Env)\w*\n(?P<name>\w+)\n\s+(?P<why>(?!Field required|Extra inputs)[^\[\n]+)",
    r"Invalid (?:value for )?env(?:ironment)?(?: var(?:iable)?)? [\"'`]?(?P<name>(?-i:[A-Z][A-Z0-9_]{2,}))[\"'`]?:? ?(?P<why>.*)",
    r"invalid value for parameter \"(?P<name>\w+)\": (?P<why>.*)",
))  # fmt: skip

NGINX_WORDS = (
    Pattern("nginx upstream unknown", "nginx does not know the host {name} ({file}:{number})", (
        r"\[emerg\].*host not found in (?:upstream )?\"(?P<name>[^\"]+)\"(?:.* in (?P<file>\S+):(?P<number>\d+))?",
    )),
    Pattern("nginx configuration invalid", "nginx refuses its configuration at {file}:{number}: {why}", (
        r"\[emerg\](?: \d+#\d+:)? (?P<why>.*?) in (?P<file>/\S+):(?P<number>\d+)",
    )),
    Pattern("nginx configuration invalid", "nginx refuses its configuration: {why}", (
        r"nginx: \[emerg\] (?!bind\(\))(?P<why>.*)", r"nginx: configuration file (?P<why>\S+) test failed",
        r"\[emerg\] \d+#\d+: (?!bind\(\))(?P<why>.*)",
    )),
)  # fmt: skip

PERMISSION_WORDS = (
    Pattern("read-only file system", "{path} is on a read-only file system", (
        rf"Read-only file system:? ?(?:'|\"|@ \S+ - )?{PATH}", rf"EROFS: read-only file system, \w+ '{PATH}",
        rf"(?:open|mkdir|create|write|touch|cannot \w+(?: directory)?)\S* ['\"‘]?{PATH}['\"’]?: Read-only file system",
        rf"ReadOnlyFileSystemException: {PATH}", rf"{PATH}['\"’]?:? ?\(?(?:Read-only file system|30: )", r"(?P<path>)Read-only file system",
    )),
    Pattern("permission denied", "{path}: permission denied", (
        rf"PermissionError: \[Errno 13\] Permission denied: '{PATH}", rf"EACCES: permission denied, \w+ '{PATH}",
        rf"(?:open|mkdir|stat|unlink|rename|create|chown|touch|cannot \w+(?: directory)?)\S* "
        rf"['\"‘]?{PATH}['\"’]?: (?:Permission denied|Operation not permitted)",
        rf"Permission denied @ \w+ - {PATH}", rf"AccessDeniedException: {PATH}", rf"{PATH} \(Permission denied\)",
        rf"\"{PATH}\" failed \(13: Permission denied\)", rf"(?:fopen|file_put_contents|mkdir)\((?:{PATH})?\):? .*Permission denied",
        rf"The stream or file \"{PATH}\" could not be opened", rf"{PATH}['\"’]?: Permission denied",
        rf"EPERM: operation not permitted, \w+ '{PATH}",
    )),
    Pattern("permission denied", "{line}", (r"^.*Permission denied.*$", r"^.*\bEACCES\b.*$")),
    Pattern("too many open files", "{line}", (r"^.*Too many open files.*$", r"^.*\bEMFILE\b.*$")),
)  # fmt: skip

FILE_WORDS = Pattern("file missing", "{path} is not there", (
    r"FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<path>[^']+)",
    r"ENOENT: no such file or directory, \w+ '(?P<path>[^']+)",
    rf"(?:open|stat|lstat|read|load|loading|opening|file|cannot \w+) ['\"]?{PATH}['\"]?: no such file or directory",
    r"No such file or directory @ \w+ - (?P<path>\S+)", r"(?:NoSuchFileException|FileNotFoundException): (?P<path>\S+)",
    rf"(?:fopen|file_get_contents|include|require(?:_once)?)\({PATH}\): Failed to open stream", rf"{PATH}['\"]?: No such file or directory",
))  # fmt: skip

# What a failed command said on the VM or here, by the stage that ran it.
COMPOSE_WORDS = (
    Pattern("Docker does not answer", "{line}", (
        r"Cannot connect to the Docker daemon.*", r"error during connect.*", r"docker\.sock: connect: .*",
        r"Is the docker daemon running\?",
    )),
    Pattern("mount missing", "{path} is to be mounted and is not there", (
        rf"bind source path does not exist: {PATH}", rf"error mounting \"{PATH}\" to rootfs.*(?:not a directory|no such file)",
        rf"mount {PATH}:.*not a directory: unknown: Are you trying to mount a directory onto a file",
        r"(?:secret|config) file (?P<path>\S+) does not exist",
    )),
    Pattern("network in use", "{line}", (
        r"^.*Pool overlaps with other one on this address space.*$", r"^.*Address already in use.*network.*$",
        r"^.*(?:set up container networking|failed to allocate|endpoint).*Address already in use.*$", r"^.*no available IPv4 addresses.*$",
        r"^.*could not find an available, non-overlapping.*$",
    )),
    Pattern("Compose file invalid", "{line}", (
        r"^.*(?:yaml: (?:line \d+|unmarshal|construct).*|while parsing .*yaml.*)$", r"^.*Additional property \S+ is not allowed.*$",
        r"^.*additional properties '[^']+' not allowed.*$", r"^.*service \"[^\"]+\" (?:refers to undefined|depends on undefined).*$",
        r"^.*(?:refers to undefined (?:volume|network|config|secret)|has neither an image nor a build context).*$",
        r"^.*invalid (?:compose project|interpolation format|reference format|port|containerPort|proto|hostPort).*$",
        r"^.*no such service: .*$",
        r"^.*must be a (?:mapping|string|list|boolean|number|integer|array).*$", r"^.*invalid (?:spec|volume specification).*$",
    )),
)  # fmt: skip

REGISTRY_WORDS = (
    Pattern("wrong architecture", "{line}", ARCHITECTURE_WORDS.expressions),
    Pattern("registry rate limit", "{line}", (r"^.*toomanyrequests.*$", r"^.*pull rate limit.*$", r"^.*429 Too Many Requests.*$")),
    Pattern("image missing", "{image} is not in its registry", (
        r"manifest for (?P<image>\S+) not found", r"(?P<image>[\w./:@-]+): failed to resolve source metadata for [^\n]*: not found",
        r"(?:failed to resolve reference|resolve source metadata for) \"?(?P<image>[\w./:@-]+?)\"?: [^\n]*not found",
        r"No such image: (?P<image>\S+)", r"(?P<image>\S+): manifest unknown", r"(?P<image>)manifest unknown",
        r"(?:reading|pulling) (?P<image>[\w./:@-]+)[^\n]*not found", r"(?P<image>)[^\n]*name unknown",
    )),
    Pattern("image refused", "the registry does not give {image}", (
        r"pull access denied for (?P<image>[\w./:@-]+)", r"(?P<image>[\w./:@-]+): (?:pull access denied|failed to authorize|denied)",
        r"(?P<image>)(?:denied: requested access|unauthorized: |no basic auth credentials|authorization failed|insufficient_scope)[^\n]*",
    )),
    Pattern("registry unreachable", "{line}", (
        r"^.*(?:dial tcp|lookup) .*(?:no such host|i/o timeout|connection refused|server misbehaving|network is unreachable).*$",
        r"^.*(?:TLS handshake timeout|Client\.Timeout exceeded|x509: .*|EOF$|request canceled while waiting).*$",
        r"^.*server gave HTTP response to HTTPS client.*$", r"^.*(?:502|503|504) (?:Bad Gateway|Service Unavailable|Gateway).*$",
        r"^.*connection reset by peer.*$",
    )),
)  # fmt: skip

FETCH_WORDS = (
    Pattern("repository refuses", "{line}", (
        r"^.*Permission denied \(publickey.*$", r"^.*Authentication failed for .*$", r"^.*could not read (?:Username|Password).*$",
        r"^.*Host key verification failed.*$", r"^.*The requested URL returned error: 40[13].*$", r"^.*error in libcrypto.*$",
    )),
    Pattern("ref unknown", "{line}", (
        r"^.*couldn't find remote ref.*$", r"^.*Remote branch \S+ not found.*$", r"^.*pathspec '.*' did not match.*$",
        r"^.*unknown revision or path.*$", r"^.*not our ref.*$", r"^.*Needed a single revision.*$", r"^.*bad object.*$",
        r"^.*reference is not a tree.*$", r"^.*invalid reference.*$",
    )),
    Pattern("repository unreachable", "{line}", (
        r"^.*Could not resolve host.*$", r"^.*(?:Connection (?:refused|timed out|reset)|Failed to connect|unable to access).*$",
        r"^.*[Rr]epository .*not found.*$", r"^.*does not appear to be a git repository.*$", r"^.*Could not read from remote.*$",
        r"^.*(?:early EOF|unexpected disconnect|No route to host|Network is unreachable).*$",
        r"^.*repository '.*' does not exist.*$",
    )),
)  # fmt: skip
