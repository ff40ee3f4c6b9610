import java.io.*;
import java.net.*;
import java.nio.file.*;

/** Sends a picture through an ObjectOutputStream: Send write|object PORT FILE. */
public class Send {
    static class Message implements Serializable {
        String name;
        byte[] data;

        Message(String name, byte[] data) {
            this.name = name;
            this.data = data;
        }
    }

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        byte[] picture = Files.readAllBytes(Paths.get(arguments[2]));
        ServerSocket server = new ServerSocket(port);
        Thread reader = new Thread(() -> {
            try (Socket socket = server.accept()) {
                socket.getInputStream().readAllBytes();
            } catch (IOException error) {
                error.printStackTrace();
            }
        });
        reader.start();
        Socket socket = new Socket("127.0.0.1", port);
        ObjectOutputStream out = new ObjectOutputStream(socket.getOutputStream());
        if (arguments[0].equals("write")) {
            out.writeUTF("photo.jpg");
            out.writeInt(picture.length);
            out.write(picture);
        } else {
            out.writeObject(new Message("photo.jpg", picture));
        }
        out.flush();
        socket.close();
        reader.join();
        server.close();
    }
}
