// writ keys: make key pairs and client secrets, and what the configuration stores of them; and the keys that
// Writ itself signs with.
#include <fmt/format.h>
#include <iostream>
#include <termios.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/jwt.h"
#include "cli/output.h"
#include "cli/signing_keys.h"
#include "codec/base64url.h"
#include "crypto/random.h"
#include "crypto/secret_hash.h"
#include "files/files.h"
#include "jose/jwk.h"

namespace writ::cli {
namespace {

struct KeysOptions {
  std::string algorithm = "ES256";
  std::string private_file;
  std::string secret_file;
  bool make_secret = false;
  bool json = false;
};

// A key set with this one key, for `jwks_file`.
codec::Json public_set(const jose::PrivateJwk& key) {
  return jose::JwkSet::of({key.public_jwk()}).value().to_json();
}

int generate(const KeysOptions& options) {
  const auto key = jose::PrivateJwk::generate(*crypto::algorithm_from_name(options.algorithm));
  if (!key) return fail(key.error());
  const auto text = key->serialise();
  const auto made = files::create_private_file(options.private_file, std::string(text.expose()) + "\n");
  if (!made) return fail(made.error());
  print_json(public_set(*key));
  return kYes;
}

int show_public(const KeysOptions& options) {
  const auto text = files::read_file(options.private_file, kMaxKeyFileBytes);
  if (!text) return fail(text.error());
  const auto json = codec::parse_json(*text);
  auto key = json ? jose::PrivateJwk::parse(*json) : Result<jose::PrivateJwk>(std::unexpected(json.error()));
  if (!key) return fail(std::move(key.error()).in(options.private_file));
  print_json(public_set(*key));
  return kYes;
}

// What is typed is not shown while this lives.
class NoEcho {
 public:
  NoEcho() : was_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (was_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  NoEcho(const NoEcho&) = delete;
  ~NoEcho() {
    if (was_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  bool was_terminal() const noexcept { return was_terminal_; }

 private:
  termios before_{};
  bool was_terminal_;
};

std::string line_of_standard_input() {
  std::string text;
  const NoEcho silent;
  if (silent.was_terminal()) fmt::print(stderr, "secret: ");
  std::getline(std::cin, text);
  if (silent.was_terminal()) fmt::print(stderr, "\n");
  return text;
}

// One line of standard input or of the file, without the line break. Never an argument: other users of the
// machine can read those.
Result<Secret> read_secret(const KeysOptions& options) {
  std::string text = options.secret_file.empty()
                         ? line_of_standard_input()
                         : TRY(files::read_file(options.secret_file, kMaxKeyFileBytes));
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  if (text.empty())
    return failure(ErrorCode::kInvalid, "no secret: give one on standard input or with --file");
  return Secret(std::move(text));
}

// In quotes: it has commas, which end a value in a map between { and }.
std::string quoted(const std::string& hash) {
  return fmt::format("\"{}\"", hash);
}

int hash_secret(const KeysOptions& options) {
  auto secret = options.make_secret
                    ? Result<Secret>(Secret(codec::base64url_encode(crypto::random_bytes(32))))
                    : read_secret(options);
  if (!secret) return fail(secret.error());
  const auto hash = crypto::hash_secret(*secret);
  if (!hash) return fail(hash.error());
  if (options.json) {
    auto json = codec::Json::object({});
    if (options.make_secret) json.set("secret", secret->expose());
    json.set("secret_hash", *hash);
    print_json(json);
  } else if (options.make_secret) {
    print_text(fmt::format("secret:      {}\nsecret_hash: {}", secret->expose(), quoted(*hash)));
  } else {
    print_text(quoted(*hash));
  }
  return kYes;
}

}  // namespace

void add_keys(Command& program) {
  auto options = std::make_shared<KeysOptions>();
  auto& keys =
      program.add("keys", "make key pairs and client secrets; list and rotate the keys that Writ signs with");

  auto& make = keys.add("generate", "make a key pair; prints the public key set");
  make.option("file", options->private_file, "where to write the private key (JWK); must not exist")
      .required();
  make.option("--algorithm", options->algorithm, "ES256 or EdDSA").one_of({"ES256", "EdDSA"}).shows_default();
  make.runs([options] { return generate(*options); });

  auto& show = keys.add("public", "print the public key set of a private key");
  show.option("file", options->private_file, "the private key (JWK)").required();
  show.runs([options] { return show_public(*options); });

  // The second is the name that it had first.
  for (const auto& [name, help] :
       {std::pair{"hash",
                  "print the hash of a client secret, as `secret_hash` in the configuration wants it"},
        std::pair{"hash-secret", "the same as `hash`"}}) {
    auto& hash = keys.add(name, help);
    hash.option("--file", options->secret_file,
                "read the secret's first line; without it: standard input, or what is typed unseen");
    hash.flag("--new", options->make_secret, "make a random secret and print it with its hash");
    hash.flag("--json", options->json, "print JSON");
    hash.runs([options] { return hash_secret(*options); });
  }
  add_signing_keys(keys);
}

}  // namespace writ::cli
