-- SPDX-License-Identifier: MIT
--- Runs a real nginx with the module for one spec. It listens on a Unix socket
-- below build/. Its log is checked when it is stopped.
local process = require "support.process"
local secrets = require "support.secrets"
local socket = require "cqueues.socket"

local _M = {}

-- The variables of the sandbox, which nginx removes unless it is told.
local variables = {
  "TEMPOLOR_API_KEY", "UDIO_API_KEY", "TENCENTCLOUD_SECRET_ID",
  "TENCENTCLOUD_SECRET_KEY", "TEMPOLOR_ENDPOINT", "UDIO_ENDPOINT",
  "TENCENT_ENDPOINT", "SSL_CERT_FILE", "SANDBOX_HTTP1", "SANDBOX_PLAIN",
  "SANDBOX_DIR", "SPEC_WAKER",
}

--- Whether its Lua has a waker; `SPEC_WAKER=off make test` says no for all.
-- For specs that promise the same with and without one.
_M.has_waker = true

-- Every block of Lua begins with these.
_M.preamble = [[
local balance = require "balance"
local core = require "balance.core"
local worker = require "support.nginx.worker"
]]

local frame = [[
$modules
daemon off;
$user
worker_processes $workers;
pid nginx.pid;
error_log error.log notice;
$environment
$main
events {
  worker_connections 1024;
}
http {
  access_log off;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;
  lua_package_path "lua/?.lua;lua/?/init.lua;spec/?.lua;;";
  lua_package_cpath "$build/?.so;;";
  lua_shared_dict notes 1m;
  $http
  server {
    listen unix:$dir/http;
    $server
    location = /notes {
      content_by_lua_block {
        for _, name in ipairs(ngx.shared.notes:get_keys(0)) do
          ngx.say(name, "=", ngx.shared.notes:get(name))
        end
      }
    }
    location = /pid { content_by_lua_block { ngx.print(ngx.worker.pid()) } }
    location = /unrelated { return 200 "here"; }
    $locations
  }
}
]]

local found

-- The settings that are the same for all.
local function find()
  if not found then
    local path = process.run("PATH=$PATH:/usr/sbin:/usr/local/openresty/nginx"
      .. "/sbin command -v nginx"):gsub("%s+$", "")
    local modules = {}
    local sandbox = assert(os.getenv "SANDBOX_DIR", "run with `make test`")
    for line in io.lines(sandbox .. "/nginx.conf") do
      for module in line:gmatch("load_module [^;]+;") do
        modules[#modules + 1] = module
      end
    end
    local environment = {}
    for i, name in ipairs(variables) do
      environment[i] = "env " .. name .. ";"
    end
    local is_root = process.run("id -u") == "0\n"
    found = {
      program = path,
      build = assert(os.getenv "BALANCE_NGINX_BUILD", "run with `make test`"),
      modules = table.concat(modules, "\n"),
      environment = table.concat(environment, "\n"),
      user = is_root and "user root root;" or "", -- can read the same files
    }
  end
  return found
end

-- Locations by their paths: Lua for the content phase, or { directives }.
local function write_locations(locations)
  local blocks = {}
  for path, content in pairs(locations or {}) do
    if type(content) == "string" then
      content = { "content_by_lua_block {\n" .. _M.preamble .. content .. "}" }
    end
    blocks[#blocks + 1] = ("location %s {\n%s\n}"):format(path, content[1])
  end
  return table.concat(blocks, "\n")
end

--- A directive with a block of Lua, the preamble before it.
function _M.lua(directive, code)
  return ("%s {\n%s%s\n}\n"):format(directive, _M.preamble, code)
end

local function send(path, request)
  local connection = assert(socket.connect { path = path })
  connection:onerror(function(_, _, why) return why end)
  connection:settimeout(30)
  connection:setmode("bn", "bn")
  assert(connection:write(request))
  assert(connection:flush())
  return connection
end

local function read_answer(connection)
  local text = connection:read("*a") or ""
  connection:close()
  local status, body = text:match("^HTTP/1.1 (%d+).-\r\n\r\n(.*)$")
  return body, tonumber(status), text
end

local signs = { "%[error%]", "%[alert%]", "%[crit%]", "%[emerg%]",
  "stale global SSL error" }

-- The lines of a log that are not expected; all of it where a sanitizer wrote.
local function find_complaints(log, expected)
  if log:find("Sanitizer", 1, true) or log:find("%.c:%d+:%d+: runtime") then
    return log
  end
  local lines, serious = {}, false
  for line in log:gmatch("[^\n]+") do
    if line:find("^%d+/%d+/%d+ ") or line:find("^nginx: ") then
      serious = false -- what follows without a date belongs to it
      for _, sign in ipairs(signs) do
        serious = serious or line:find(sign) ~= nil
      end
      for _, text in ipairs(expected) do
        serious = serious and not line:find(text, 1, true)
      end
    end
    lines[#lines + 1] = serious and line or nil
  end
  return table.concat(lines, "\n")
end

local function is_running(pid)
  return select(2, process.run("kill -0 " .. pid)) == 0
end

--- Waits until a condition returns a true value, and returns it.
function _M.await(what, condition)
  for _ = 1, 1000 do
    local value = condition()
    if value then
      return value
    end
    process.sleep(0.01)
  end
  error("waited in vain for: " .. what, 2)
end

local Server = {}
Server.__index = Server

--- Sends a request. Returns a table: `read()` returns the body, the status and
-- the whole answer; `close()` closes the connection instead.
function Server:open(path, name)
  local connection = send(self.dir .. "/" .. (name or "http"),
    ("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n")
      :format(path))
  return {
    read = function() return read_answer(connection) end,
    close = function() connection:close() end,
  }
end

--- Body and status.
function Server:get(path)
  return self:open(path).read()
end

--- Sends so many requests at once and returns their bodies.
function Server:get_many(count, path)
  local requests, bodies = {}, {}
  for i = 1, count do
    requests[i] = self:open(path)
  end
  for i = 1, count do
    bodies[i] = requests[i].read()
  end
  return bodies
end

--- The shared notes of its Lua, one `name=value` a line.
function Server:note(name)
  local notes = assert(self:get("/notes"))
  return ("\n" .. notes):match("\n" .. name .. "=([^\n]*)")
end

--- Waits for a note.
function Server:await_note(name)
  return _M.await("the note " .. name, function() return self:note(name) end)
end

--- Waits until an answer has this body.
function Server:await(path, body)
  local last
  local ok = pcall(_M.await, body, function()
    last = self:get(path)
    return last == body
  end)
  if not ok then
    error(("%s answers %s, not %s"):format(path, last, body), 2)
  end
end

function Server:signal(name, pid)
  local output, status = process.run(("kill -%s %s"):format(
    name, pid or self.pid))
  assert(status == 0, output)
end

--- The process ids of the workers, once all of them are there.
function Server:get_workers()
  return _M.await("the workers", function()
    local pids = {}
    local text = process.read(
      ("/proc/%s/task/%s/children"):format(self.pid, self.pid))
    for pid in text:gmatch("%d+") do
      pids[#pids + 1] = pid
    end
    return #pids == self.workers and pids
  end)
end

function Server.await_end(_, pid)
  _M.await("the end of " .. pid, function() return not is_running(pid) end)
end

--- A line of the log that has this text is no complaint.
function Server:expect(text)
  table.insert(self.expected, text)
end

function Server:log()
  return process.read(self.dir .. "/error.log")
end

--- Stops it with SIGQUIT, and returns the lines of its log that are not
-- expected.
function Server:stop()
  process.run("kill -QUIT " .. self.pid)
  local ok, message = pcall(self.await_end, self, self.pid)
  self.started.stop()
  local complaints = find_complaints(self:log(), self.expected)
  secrets.check("the log of nginx", self:log())
  if not ok then
    complaints = message .. "\n" .. complaints .. self:log()
  end
  process.run("rm -r " .. self.dir)
  return complaints
end

local running = {}

--- Starts an nginx. Settings, all of them optional: `workers` (2); `main`,
-- `http`, `server`: directives for these contexts; `locations`: see
-- `write_locations`; `setting`: goes before the command, such as
-- "LD_PRELOAD=x.so".
function _M.start(settings)
  local fixed = find()
  local dir = process.run("mkdir -p build && mktemp -d build/nginx.XXXXXX")
    :gsub("%s+$", "")
  local values = {
    dir = dir,
    workers = settings.workers or 2,
    main = settings.main or "",
    http = settings.http or "",
    server = settings.server or "",
    locations = write_locations(settings.locations),
  }
  local function fill(text)
    return (text:gsub("%$(%l+)", function(name)
      return values[name] or fixed[name]
    end))
  end
  values.http, values.server = fill(values.http), fill(values.server)
  process.write(dir .. "/nginx.conf", fill(frame))
  -- The specs' LUA_PATH and LUA_CPATH are for another Lua.
  local started = process.start(("env -u LUA_PATH -u LUA_CPATH %s %s %s"
    .. " -p %s -c nginx.conf -e error.log 2>>%s/error.log"):format(
    (settings.setting or "") .. (_M.has_waker and "" or " SPEC_WAKER=off"),
    os.getenv "BALANCE_NGINX_RUN" or "",
    fixed.program, dir, dir))
  local server = setmetatable({
    dir = dir, started = started, expected = {}, workers = values.workers,
  }, Server)
  local ok, pid = pcall(process.await, dir .. "/nginx.pid")
  if not ok then
    started.stop()
    local log = server:log() or ""
    process.run("rm -r " .. dir)
    error(pid .. "\n" .. log, 2)
  end
  server.pid = pid:match("%d+")
  running[#running + 1] = server
  return server
end

--- Stops all that were started, and raises where a log is not as expected. For
-- after_each.
function _M.finish()
  local complaints = {}
  for _, server in ipairs(running) do
    complaints[#complaints + 1] = server:stop()
  end
  running, _M.has_waker = {}, true
  local text = table.concat(complaints)
  if text ~= "" then
    error("nginx logged:\n" .. text, 0)
  end
end

return _M
