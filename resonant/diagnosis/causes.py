"""Every cause that a diagnosis may name, and what to do about it. docs/runbook.md has the same list for people."""

NEXT_STEPS = {
    # What the application was given
    "missing variable": "Give the variable a value in RESONANT_ENVIRONMENT, RESONANT_ENVIRONMENT_FILE or under "
    "`environment` in resonant.yaml, and deploy again.",
    "invalid variable": "Correct the variable's value and deploy again.",
    "module missing": "Add it to the dependencies that the image installs, or to what its Dockerfile copies.",
    "command not found": "Correct `command`/`entrypoint`, or install the program in the image; a script needs its first "
    "line (#!), Unix line ends, and its interpreter in the image.",
    "not executable": "Make the file executable in the image (`RUN chmod +x …`).",
    "wrong architecture": "Build the image for the host's architecture, or use a tag that is published for it.",
    "permission denied": "Let the container's user write there: owner and mode of the mounted path, or `user:`.",
    "port not permitted": "Listen on a port above 1023, or let the program start as root.",
    "read-only file system": "Mount a volume or `tmpfs` where the program writes, or drop `read_only`.",
    "mount missing": "Create what is mounted, or correct `volumes` in the Compose file.",
    "file missing": "Copy the file into the image, mount it, or correct the path that the program is given.",
    "too many open files": "Raise `ulimits: nofile` of the service, or look for a leak.",
    # Where it listens
    "listens on loopback only": "Bind to 0.0.0.0 instead of 127.0.0.1/localhost (often an option `--host` or a variable HOST).",
    "wrong port": "Set the `port` of the service in resonant.yaml to the one it listens on, or make it listen there.",
    "nothing listens": "Look at what the program does after its last line; start it as a server on 0.0.0.0.",
    "port taken": "Stop the program that holds the port, or let it use another one.",
    "slow start": "Raise RESONANT_HEALTH_DEADLINE_SECONDS, or let the program do less before it listens.",
    # What it answers
    "health hangs": "Find what the handler waits for (a database, another service, a lock) and give that a time limit.",
    "health body never ends": "Let the health path answer a short, finished body.",
    "health connection closed": "The server hangs up on the request: look at its log for the moment of the request.",
    "health path not found": "Set `health` of the service in resonant.yaml to a path that answers 200.",
    "health redirects": "Let the health path answer 200 over plain HTTP, without a redirect.",
    "health refused": "Let the health path answer 200 without login and for any Host header.",
    "health fails": "The body and the log say what the application misses; mend that and deploy again.",
    "not HTTP": "Serve plain HTTP on that port (nginx in front speaks TLS), or name another port in resonant.yaml.",
    "not reachable": "Look at the container's networks and at the host's firewall.",
    "health check broken": "Correct `healthcheck`, or install what it calls in the image.",
    # How it ended
    "out of memory": "Raise the service's memory limit (`deploy.resources.limits.memory`), or let it use less.",
    "crash": "Mend what its last lines say and deploy again.",
    "exits at once": "Its command must be a program that stays (in the foreground), not one that finishes.",
    "killed": "Find who sent the signal: a time-out of the health check, another program, a person.",
    "restart loop": "Run the image by hand and look at its output.",
    "container missing": "See what Compose said; `docker compose config` shows whether the service is defined.",
    # Database and other services
    "database down": "Bring the database up first: its own log says why it stands still.",
    "database unreachable": "Check host and port in the connection settings: inside Compose the host is the service's name.",
    "database refuses the login": "Compare user and password with those that the database was created with; a volume that "
    "exists keeps its first password.",
    "database missing": "Create the database, or correct its name in the connection settings.",
    "role missing": "Create the role, or correct the user in the connection settings.",
    "too many connections": "Make the pools smaller (old and new release run side by side), or raise max_connections.",
    "schema does not fit": "Add the migration that makes it, or set `migrate` of the database in resonant.yaml.",
    "dependency unreachable": "Check that the service runs and that host and port name it: inside Compose the service's name.",
    # Migration
    "migration failed": "Mend the migration and deploy again; the old release serves with the schema that was there.",
    "migration locked": "End the transaction that holds the lock (`pg_stat_activity`), or deploy when it is over.",
    # Machine
    "disk full": "Free room (`docker system df`), or enlarge the disk; then deploy again.",
    "inodes exhausted": "Remove the many small files; `df -i` shows the file system.",
    "file system of the container full": "Enlarge its tmpfs, `shm_size` or volume.",
    "Docker does not answer": "`systemctl status docker` on the VM.",
    # Images and Compose
    "image missing": "Correct the image's name and tag, or push it.",
    "image refused": "Log the VM in to the registry, or correct the image's name: a private one looks like a missing one.",
    "registry unreachable": "Wait and run again; else check DNS and the VM's way out.",
    "registry rate limit": "Wait, or log the VM in to the registry.",
    "Dockerfile error": "Correct that line and deploy again.",
    "build step failed": "Run the step by hand; its last lines say what it misses.",
    "build out of memory": "Raise RESONANT_BUILD_MEMORY_IN_GBS, or build elsewhere and deploy the image by its digest.",
    "build file missing": "Commit the file, or take it out of .dockerignore.",
    "Compose file invalid": "Correct the Compose file; `docker compose config` checks it.",
    "network in use": "Remove the network or container that uses the address (`docker network ls`).",
    # Source, nginx, soak, hooks
    "repository refuses": "Check RESONANT_DEPLOY_KEY_FILE and the key's rights on the repository.",
    "repository unreachable": "Check RESONANT_APPLICATION_REPOSITORY and the way there.",
    "ref unknown": "Push the branch, tag or commit, or correct the ref.",
    "nginx configuration invalid": "Correct that line; nginx keeps serving with the configuration it has.",
    "nginx upstream unknown": "The name in `proxy_pass`/`upstream` must be a service that runs on nginx's network.",
    "error rate": "Look at the log lines of the failed requests; the old release serves.",
    "latency": "Compare the slow paths with the release before; the old release serves.",
    "hook failed": "Run the hook's command by hand; nothing else was judged.",
    "out of time": "See what the command was doing; run again, or raise its time limit.",
    "unclear": "Look at the lines above; nothing that was collected points to one cause.",
}
