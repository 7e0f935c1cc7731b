-- SPDX-License-Identifier: MIT
--
-- Files that libcurl and OpenSSL read or write: only regular ones.
local balance = require "balance"
local home = require "support.home"
local process = require "support.process"

local fifo, path_of = home.fifo, home.path_of

before_each(home.make)
after_each(home.remove)

describe("a trust store", function()
  local function failure_of(options)
    local result, err = balance.udio(options)
    assert.is_nil(result)
    return err
  end

  it("that is no regular file is refused, and nothing waits for it",
    function()
      local pipe = fifo "ca.pem"
      for _, path in ipairs { pipe, "/dev/null", "/dev/tty", "/dev/ptmx",
        home.path } do
        local err = failure_of { ca_file = path, timeout = 60 }
        assert.equal("config", err.kind)
        assert.matches("must be regular files", err.message, 1, true)
        assert.equal(0, err.attempts)
      end
    end)

  it("of the environment is neither", function()
    local pipe = fifo "ca.pem"
    for _, name in ipairs { "SSL_CERT_FILE", "SSL_CERT_DIR" } do
      process.run("mkdir -p " .. home.path .. "/certs")
      process.run("mkfifo " .. home.path .. "/certs/0a1b2c3d.0")
      local output = process.run_lua([[
        local _, err = require("balance").udio { timeout = 60 }
        io.write(err.kind, " ", err.message)
      ]], ("env -u SSL_CERT_FILE %s=%s"):format(name,
        name == "SSL_CERT_FILE" and pipe or home.path .. "/certs"))
      assert.matches("^config the trusted certificates .*regular files$",
        output)
    end
  end)

  it("that is a directory has regular files by the names that are opened",
    function()
      local function kind_with(command)
        process.run("cd " .. home.path .. " && mkdir -p one two && "
          .. command)
        local _, err = balance.udio { api_key = "not-a-key", timeout = 60,
          ca_path = path_of "one" .. ":" .. path_of "two" }
        return err.kind
      end
      local bundle = process.quote(os.getenv "SSL_CERT_FILE")
      assert.equal("auth", kind_with("ln -sf " .. bundle
        .. " two/$(openssl x509 -noout -hash -in " .. bundle .. ").0"))
      assert.equal("auth", kind_with "mkfifo two/other")
      assert.equal("config", kind_with "mkfifo two/0a1b2c3d.0")
      assert.equal("config", kind_with "true")
      assert.equal("auth", kind_with "rm two/0a1b2c3d.0")
      assert.equal("config", kind_with "ln -s ../one two/0a1b2c3d.1")
    end)

  it("is not looked at where nothing is encrypted", function()
    local _, err = balance.udio { ca_file = fifo "ca.pem", retries = 0,
      api_key = "not-a-key", endpoint = os.getenv "SANDBOX_PLAIN" }
    assert.equal("auth", err.kind)
  end)
end)

describe("OpenSSL's configuration", function()
  it("is gone without where it is no regular file", function()
    for _, path in ipairs { fifo "openssl.cnf", "/dev/null", "/dev/ptmx" } do
      local output = process.run_lua(
        [[io.write(require("balance").udio().credits)]],
        "OPENSSL_CONF=" .. path)
      assert.equal("195", output)
    end
  end)
end)

describe("the file of SSLKEYLOGFILE", function()
  it("is not waited for where it is a FIFO", function()
    local output = process.run_lua([[
      local result, err = require("balance").udio()
      io.write(result and "answered" or err.kind .. " " .. err.message)
    ]], "SSLKEYLOGFILE=" .. fifo "keys")
    assert.equal("config SSLKEYLOGFILE must not be a FIFO", output)
    assert.equal("answered", (process.run_lua([[
      io.write(require("balance").udio() and "answered" or "")
    ]], "SSLKEYLOGFILE=" .. path_of "log")))
    assert.is_truthy(process.read(path_of "log"))
  end)
end)
