-- SPDX-License-Identifier: MIT
--
-- Servers that differ in how they prove who they are, each on a port of its
-- own. Writes to the directory that is its argument: ca.pem, whom to trust;
-- log, a line "NAME connection" or "NAME request" for each that came; and
-- last, once all listen, ports: their names and numbers.
local certificates = require "support.certificates"
local chain = require "openssl.x509.chain"
local context = require "openssl.ssl.context"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local directory = arg[1]
local loop = cqueues.new()
local log = assert(io.open(directory .. "/log", "a"))

local issue = certificates.issue
local root = issue { cn = "spec root", ca = true }
local stranger = issue { cn = "strange root", ca = true }
local intermediate = issue { cn = "spec between", ca = true, issuer = root }
local no_ca = issue { cn = "localhost", names = { { "DNS", "localhost" } },
  issuer = root }

-- What differs from a certificate of the root's for localhost, how its chain
-- goes on, and the only version of TLS that is spoken.
local localhost = { { "DNS", "localhost" } }
local servers = {
  sound = {},
  ["by-address"] = { names = { { "IP", "127.0.0.1" } } },
  wildcard = { names = { { "DNS", "*.here.localhost" } } },
  chain = { issuer = intermediate, chain = { intermediate } },
  ["tls-1.2"] = { version = "TLSv1_2" },

  expired = { from = -3, to = -2 },
  ["not-yet"] = { from = 2, to = 3 },
  ["self-signed"] = { issuer = false },
  stranger = { issuer = stranger },
  ["stranger-with-root"] = { issuer = stranger, chain = { stranger } },
  incomplete = { issuer = intermediate },
  ["no-ca"] = { issuer = no_ca, chain = { no_ca } },
  ["other-host"] = { names = { { "DNS", "example.com" } } },
  ["only-cn"] = { cn = "localhost", names = { { "DNS", "example.com" } } },
  ["no-address"] = {},
  ["address-as-name"] = { names = { { "DNS", "127.0.0.1" } } },
  ["nul-in-cn"] = { cn = "localhost\0.example.com", names = false },
  ["nul-in-name"] = { names = { { "DNS", "localhost\0.example.com" } } },
  ["wildcard-below"] = { names = { { "DNS", "*.here.localhost" } } },
  ["wildcard-above"] = { names = { { "DNS", "*.here.localhost" } } },
  ["wildcard-wide"] = { names = { { "DNS", "*.localhost" } } },
  ["wildcard-part"] = { names = { { "DNS", "a.*.localhost" } } },
  ["of-a-client"] = { purpose = "clientAuth" },
  ["short-key"] = { bits = 1024 },
  ["sha-1"] = { digest = "sha1" },
  ["tls-1.0"] = { version = "TLSv1" },
  ["tls-1.1"] = { version = "TLSv1_1" },
  plain = { plain = true },

  proxy = { is_proxy = true },
  ["proxy-expired"] = { is_proxy = true, from = -3, to = -2 },
}

local function context_of(server)
  local fields = { issuer = root, names = localhost }
  for field, value in pairs(server) do
    fields[field] = value
  end
  local own = issue(fields)
  local made = context.new(server.version or "TLS", true)
  made:setCipherList "DEFAULT:@SECLEVEL=0" -- what is weak is served as well
  made:setCertificate(own.certificate)
  made:setPrivateKey(own.key)
  if server.chain then
    local list = chain.new()
    for _, each in ipairs(server.chain) do
      list:add(each.certificate)
    end
    made:setCertificateChain(list)
  end
  return made
end

local function note(name, what)
  log:write(name, " ", what, "\n")
  log:flush()
end

local function send(connection, status, body)
  return connection:xwrite(("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s")
    :format(status, #body, body), "bn")
end

local function read_head(connection)
  local text = ""
  repeat
    local line = connection:read "*L"
    text = text .. (line or "")
  until not line or line == "\r\n"
  return text ~= "" and text
end

local function relay(from, to)
  while true do
    local bytes = from:read(-4096)
    if not bytes or not to:xwrite(bytes, "bn") then
      break
    end
  end
end

local function tunnel(connection, head)
  local port = head:match "^CONNECT .-:(%d+)"
  if not port then
    return send(connection, "405 Method Not Allowed", "")
  end
  local upstream = socket.connect("127.0.0.1", port)
  upstream:setmode("bn", "bn")
  upstream:onerror(function(_, _, why) return why end)
  send(connection, "200 OK", "")
  loop:wrap(function() relay(upstream, connection) end)
  relay(connection, upstream)
  upstream:close()
end

local function serve(connection, name, server)
  local head = read_head(connection)
  while head do
    note(name, "request")
    if server.is_proxy then
      return tunnel(connection, head)
    end
    send(connection, "200 OK",
      '{"code":200,"message":"success","data":{"credits":7}}')
    head = read_head(connection)
  end
end

local function refuse(connection)
  connection:read(-4096)
  send(connection, "400 Bad Request", "<h1>Speak HTTP</h1>")
end

local function listen(name, server)
  local made = not server.plain and context_of(server)
  local listener = assert(socket.listen { host = "127.0.0.1", port = 0 })
  local _, _, port = assert(listener:localname())
  loop:wrap(function()
    while true do
      local connection = listener:accept()
      note(name, "connection")
      connection:onerror(function(_, _, why) return why end)
      connection:setmode("bn", "bn")
      loop:wrap(function()
        if not made then
          refuse(connection)
        elseif connection:starttls(made) then
          serve(connection, name, server)
        end
        connection:close()
      end)
    end
  end)
  return port
end

local function write(name, text)
  local path = directory .. "/" .. name
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(text))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

local ports = {}
for name, server in pairs(servers) do
  ports[#ports + 1] = name .. " " .. listen(name, server)
end
write("ca.pem", tostring(root.certificate))
write("ports", table.concat(ports, "\n"))
assert(loop:loop())
