-- SPDX-License-Identifier: MIT
--
-- Servers with different certificates, each on a port of its own. It writes to
-- the directory that is its argument: ca.pem, the trusted CA; log, a line
-- "NAME connection" or "NAME request" for each; and last, once all listen,
-- ports: their names and numbers.
local certificates = require "support.certificates"
local chain = require "openssl.x509.chain"
local context = require "openssl.ssl.context"
local serving = require "support.serving"

local directory = arg[1]
local log = assert(io.open(directory .. "/log", "a"))

local issue = certificates.issue
local root = issue { cn = "spec root", ca = true }
local stranger = issue { cn = "strange root", ca = true }
local intermediate = issue { cn = "spec between", ca = true, issuer = root }
local no_ca = issue { cn = "localhost", names = { { "DNS", "localhost" } },
  issuer = root }

-- The fields of each certificate that differ from one of `root` for localhost;
-- the rest of its chain; and the only version of TLS, where there is just one.
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
  ["proxy-other-host"] = { is_proxy = true,
    names = { { "DNS", "example.com" } } },
  ["proxy-tls-1.1"] = { is_proxy = true, version = "TLSv1_1" },
  ["proxy-sha-1"] = { is_proxy = true, digest = "sha1" },
}

local function context_of(server)
  local fields = { issuer = root, names = localhost }
  for field, value in pairs(server) do
    fields[field] = value
  end
  local own = issue(fields)
  local made = context.new(server.version or "TLS", true)
  made:setCipherList "DEFAULT:@SECLEVEL=0" -- allows weak keys and digests
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
  return serving.send(connection, serving.answer(status, body))
end

local function tunnel(connection, head)
  local port = head:match "^CONNECT .-:(%d+)"
  if not port then
    return send(connection, "405 Method Not Allowed", "")
  end
  serving.tunnel(connection, port, serving.answer("200 OK", ""))
end

local function serve(connection, name, server)
  local head = serving.read_head(connection)
  while head do
    note(name, "request")
    if server.is_proxy then
      return tunnel(connection, head)
    end
    send(connection, "200 OK",
      '{"code":200,"message":"success","data":{"credits":7}}')
    head = serving.read_head(connection)
  end
end

local function refuse(connection)
  connection:read(-4096)
  send(connection, "400 Bad Request", "<h1>Speak HTTP</h1>")
end

local ports = {}
for name, server in pairs(servers) do
  local made = not server.plain and context_of(server)
  ports[#ports + 1] = name .. " " .. serving.listen(function(connection)
    note(name, "connection")
    if not made then
      refuse(connection)
    elseif connection:starttls(made) then
      serve(connection, name, server)
    end
  end)
end
serving.write(directory .. "/ca.pem", tostring(root.certificate))
serving.run(directory .. "/ports", table.concat(ports, "\n"))
